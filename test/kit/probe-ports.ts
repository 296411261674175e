/** Where what is behind the firewall of a test listens: TCP, UDP, or both. Nobody listens on `shut`. */
export const PORTS = {
  proxy: 1080,
  echo: 2598,
  mute: 4000,
  web: 8080,
  standIn: 4840,
  dns: 53,
  ntp: 123,
  shut: 9,
} as const
