/** `2026-03-02 09:30 UTC`; what is no time stands as it is. */
export function moment(text: string): string {
  const time = Date.parse(text)
  if (Number.isNaN(time)) return text
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
