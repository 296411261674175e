import t from 'tap'
import { holdLimits } from '../kit/limit-rows.ts'
import { STOREFRONT } from './storefront-rows.ts'

holdLimits(t, STOREFRONT)
