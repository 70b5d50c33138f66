/** Who is asked when a task fails, and how often it may. They change nothing; dashboards and alerts read them. */
export interface TaskLabels {
  /** The team it belongs to, such as `'growth'`; at most 200 characters. */
  readonly owner?: string
  /** The part of its runs that must not fail: above 0 and below 1, such as `0.99`. */
  readonly slo?: number
}
