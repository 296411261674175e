import t from 'tap'
import { holdLimits } from '../kit/limit-rows.ts'
import { STA } from './sta-rows.ts'

holdLimits(t, STA)
