/** A name of a rule that is no longer than it may be, and that no other rule has. */
export function shortName(id: string, most: number, taken: Set<string>): string {
  let name = id.slice(0, most)
  for (let count = 2; taken.has(name); count++) name = `${id.slice(0, most - 5)}-${count}`
  taken.add(name)
  return name
}
