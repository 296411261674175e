import { demonstrate } from './demo.ts'
import { answerErrand } from './isolated/errand.ts'

/** Launches through the lab that it is told of, from where this process stands. */
answerErrand(demonstrate)
