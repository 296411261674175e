import { type Conversation, Dialogue } from '../src/conversation.ts'

/** Both ends of a wire, talking to each other until neither has anything to say. */
export function converse<Client, Server>(
  client: Conversation<Client>,
  server: Conversation<Server>,
): { client: Dialogue<Client>; server: Dialogue<Server> } {
  const toServer: Uint8Array[] = []
  const toClient: Uint8Array[] = []
  const ends = {
    client: new Dialogue(client, (bytes) => toServer.push(bytes)),
    server: new Dialogue(server, (bytes) => toClient.push(bytes)),
  }
  while (toServer.length > 0 || toClient.length > 0) {
    const request = toServer.shift()
    if (request !== undefined) ends.server.feed(request)
    const answer = toClient.shift()
    if (answer !== undefined) ends.client.feed(answer)
  }
  return ends
}

/** The result of a conversation that is told all of this at once; undefined when it waits for more. */
export function heard<Result>(
  conversation: Conversation<Result>,
  bytes: Uint8Array,
): Result | undefined {
  const dialogue = new Dialogue(conversation, () => {})
  dialogue.feed(bytes)
  return dialogue.outcome?.result
}
