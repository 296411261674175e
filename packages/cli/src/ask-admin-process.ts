import { type AdminQuestion, askAdminHere } from './ask-admin.ts'
import { answerErrand } from './lab/isolated/errand.ts'

/** Asks an admin listener on the loopback of the namespace that this process is in. */
answerErrand(({ at, path }: AdminQuestion) => askAdminHere(at, path))
