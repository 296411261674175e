import { concat } from '@doublehop/wire/conversation'

/**
 * Captures as `tcpdump -w -` writes them while it runs (the savefile format of libpcap, pcap-savefile(5)), without I/O:
 * fed in whatever pieces, it gives the IP packets that are whole. Frames of other protocols are left out.
 */
export class PcapStream {
  #held: Uint8Array = new Uint8Array(0)
  #file: { readonly littleEndian: boolean; readonly linkType: number } | undefined
  #broken = false

  /** What follows is no capture, or of a link that is not known here: nothing is read any more. */
  get broken(): boolean {
    return this.#broken
  }

  /** Takes what came, and gives the packets that it completes, each from its IP header on. Never throws. */
  feed(bytes: Uint8Array): Uint8Array[] {
    if (this.#broken) return []
    this.#held = concat(this.#held, bytes)
    const packets: Uint8Array[] = []
    this.#readHeader()
    for (;;) {
      const frame = this.#takeFrame()
      if (frame === undefined) return packets
      const packet = ipPacket(frame, this.#file?.linkType ?? 0)
      if (packet !== undefined) packets.push(packet)
    }
  }

  #readHeader(): undefined {
    if (this.#file !== undefined || this.#held.length < FILE_HEADER) return
    const view = viewOf(this.#held)
    const littleEndian = MAGICS.includes(view.getUint32(0, true))
    const linkType = view.getUint32(20, littleEndian) & 0x0fff_ffff
    if (!littleEndian && !MAGICS.includes(view.getUint32(0, false))) return this.#giveUp()
    if (LINKS[linkType] === undefined) return this.#giveUp()
    this.#file = { littleEndian, linkType }
    this.#held = this.#held.subarray(FILE_HEADER)
  }

  #takeFrame(): Uint8Array | undefined {
    if (this.#file === undefined || this.#held.length < RECORD_HEADER) return
    const length = viewOf(this.#held).getUint32(8, this.#file.littleEndian)
    if (length > LONGEST_FRAME) return this.#giveUp()
    if (this.#held.length < RECORD_HEADER + length) return
    const frame = this.#held.subarray(RECORD_HEADER, RECORD_HEADER + length)
    this.#held = this.#held.subarray(RECORD_HEADER + length)
    return frame
  }

  #giveUp(): undefined {
    this.#broken = true
    this.#held = new Uint8Array(0)
  }
}

const FILE_HEADER = 24
const RECORD_HEADER = 16
/** The longest that libpcap itself takes (MAXIMUM_SNAPLEN). */
const LONGEST_FRAME = 262_144
/** Times in microseconds, and in nanoseconds. */
const MAGICS: readonly number[] = [0xa1b2c3d4, 0xa1b23c4d]

const IPV4 = 0x0800
const IPV6 = 0x86dd
const VLAN_TAGS: readonly number[] = [0x8100, 0x88a8]

/** Where a frame of each link holds its EtherType, and how long its header is (tcpdump.org, link-layer header types). */
const LINKS: Readonly<Record<number, { readonly type: number; readonly header: number }>> = {
  1: { type: 12, header: 14 }, // LINKTYPE_ETHERNET
  113: { type: 14, header: 16 }, // LINKTYPE_LINUX_SLL
  276: { type: 0, header: 20 }, // LINKTYPE_LINUX_SLL2
}

function ipPacket(frame: Uint8Array, linkType: number): Uint8Array | undefined {
  const link = LINKS[linkType]
  if (link === undefined || frame.length < link.header) return
  const view = viewOf(frame)
  let { header } = link
  let type = view.getUint16(link.type)
  // A tag of a VLAN stands behind the header, and the type that matters in its last two bytes (IEEE 802.1Q).
  for (let tags = 0; tags < 2 && VLAN_TAGS.includes(type) && frame.length >= header + 4; tags++) {
    type = view.getUint16(header + 2)
    header += 4
  }
  return type === IPV4 || type === IPV6 ? frame.subarray(header) : undefined
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
