import t from 'tap'
import { holdLimits } from '../kit/limit-rows.ts'
import { VDA } from './vda-rows.ts'

holdLimits(t, VDA)
