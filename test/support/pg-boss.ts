/** As the upkeep of pg-boss does once no heartbeat came for long enough. */
export async function loseClaim(
  query: (text: string, values: unknown[]) => Promise<unknown>,
  queue: string,
  id: string,
): Promise<void> {
  await query(
    `UPDATE pgboss.job SET state = 'retry', heartbeat_on = NULL, start_after = now()
      WHERE name = $1 AND id = $2 AND state = 'active'`,
    [queue, id],
  )
}
