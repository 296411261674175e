/** The zones of the picture, from outside to inside; users inside are in `lan`, who administers in `management`. */
export const ZONES = ['internet', 'lan', 'dmz1', 'dmz2', 'internal', 'management'] as const
export type Zone = (typeof ZONES)[number]

/** Zones without a daemon: a check there starts from an address that `network.probes` names. */
export const ZONES_OF_PEOPLE = ['internet', 'lan', 'management'] as const
