import fc from 'fast-check'
import t from 'tap'
import { answerIcaGreeting, takeIcaGreeting } from '../src/ica-greeting.ts'
import { heard } from './converse.ts'
import { throwsOnlyFaults } from './property.ts'
import { transcript } from './transcript.ts'

transcript(t, 'the server speaks first, and the client answers the same', {
  speaks: 'C',
  conversation: answerIcaGreeting,
  wire: `
    S 7f 7f 49 43 41 00
    C 7f 7f 49 43 41 00
  `,
  returns: null,
})

transcript(t, 'the server hears the answer', {
  speaks: 'S',
  conversation: takeIcaGreeting,
  wire: 'C 7f 7f "ICA" 00',
  returns: null,
})

for (const wrong of ['00 7f "ICA" 00', '7f 7f "ICB" 00', '7f 7f "ICA" 01', '1a "CGP/0"']) {
  transcript(t, `${wrong} is no greeting, and gets no answer`, {
    speaks: 'C',
    conversation: answerIcaGreeting,
    wire: `S ${wrong}`,
    throws: 'DH_ICA_GREETING',
  })
}

throwsOnlyFaults(
  t,
  'no bytes make the reader of a greeting throw anything but a Fault',
  fc.uint8Array({ minLength: 4, maxLength: 8 }),
  (bytes) => heard(takeIcaGreeting(), bytes),
)
