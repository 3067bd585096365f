/** Counts what may happen a limited number of times in an hour or a day. The batch with the counted act checks the limit. */

import { REGISTRATION_DAY_SECONDS, REGISTRATION_HOUR_SECONDS } from '../domain/registration.ts'
import { bound, D1_NOW, type Database } from './database.ts'

/** `most` is the limit for a day if the subject is '', and for an hour if it is any other subject. */
export type Limit = readonly [subject: string, most: number]

const PERIOD = `iif(subject = '', ${REGISTRATION_DAY_SECONDS}, ${REGISTRATION_HOUR_SECONDS})`
const IS_OVER = `began_at <= ${D1_NOW} - ${PERIOD}`
/** `?1` lists subjects with their limits. The table's CHECK fails the whole batch if a limit is exceeded. */
export const COUNT_REGISTRATION = `INSERT INTO registration_count (subject, began_at, registered, most)
  SELECT j.value ->> 0, ${D1_NOW}, 1, j.value ->> 1 FROM json_each(?1) j WHERE true
  ON CONFLICT DO UPDATE SET most = excluded.most, registered = iif(${IS_OVER}, 1, registered + 1),
    began_at = iif(${IS_OVER}, excluded.began_at, began_at)`
/** The limits of `?1` that are reached. The one with the longest wait comes first. */
export const FIND_REACHED_LIMITS = `SELECT n.subject, n.began_at + ${PERIOD} - ${D1_NOW} AS wait
  FROM json_each(?1) j CROSS JOIN registration_count n ON n.subject = j.value ->> 0
  WHERE n.registered >= j.value ->> 1 ORDER BY wait DESC`

export const countStatement = (db: Database, limits: readonly Limit[]) =>
  bound(db, COUNT_REGISTRATION, JSON.stringify(limits))

export const isOverLimit = (fault: unknown) => /registration_limit/.test(String(fault))
