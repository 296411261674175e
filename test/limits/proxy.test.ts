import t from 'tap'
import { holdLimits } from '../kit/limit-rows.ts'
import { PROXY } from './proxy-rows.ts'

holdLimits(t, PROXY)
