import t from 'tap'
import { holdLimits } from '../kit/limit-rows.ts'
import { GATEWAY } from './gateway-rows.ts'

holdLimits(t, GATEWAY)
