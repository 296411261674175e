import t from 'tap'
import { healthyFirewalls } from '../kit/healthy-firewalls.ts'

healthyFirewalls(t, 4)
