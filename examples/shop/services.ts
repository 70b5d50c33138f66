import { asClass, asValue, createContainer, type AwilixContainer } from 'awilix'
import type { Mailer } from './mail.ts'

/** Everything that routes and tasks are given instead of importing it. */
export interface Cradle {
  readonly mailer: Mailer
  readonly notifications: Notifications
  readonly warehouse: Warehouse
  readonly searchIndex: SearchIndex
}

// Once per application: `task.services` now has these types in every task.
declare module 'koa-afterglow' {
  interface Services extends Cradle {}
}

export type Container = AwilixContainer<Cradle>

export function createServices(mailer: Mailer): Container {
  return createContainer<Cradle>().register({
    mailer: asValue(mailer),
    notifications: asClass(Notifications).singleton(),
    warehouse: asClass(Warehouse).singleton(),
    searchIndex: asClass(SearchIndex).singleton(),
  })
}

export class Notifications {
  readonly #mailer: Mailer

  constructor({ mailer }: Pick<Cradle, 'mailer'>) {
    this.#mailer = mailer
  }

  async sendOrderConfirmation(orderId: number, options: { to: string; signal: AbortSignal }): Promise<void> {
    const text = `Thank you! Order ${orderId} is on its way.`
    await this.#mailer.send({ to: options.to, subject: `Your order ${orderId}`, text }, options)
  }
}

/** A neighbour that is often too busy: two calls in three fail. */
export class Warehouse {
  async reserve(_orderId: number): Promise<void> {
    if (Math.random() < 2 / 3) throw new WarehouseBusyError('the warehouse is busy')
  }
}
export class WarehouseBusyError extends Error {
  override readonly name = 'WarehouseBusyError'
}

/** A neighbour that is down. */
export class SearchIndex {
  async update(product: string): Promise<void> {
    const cause = new Error('connect ECONNREFUSED 127.0.0.1:9200')
    throw new SearchIndexError(`could not index '${product}'`, { cause })
  }
}
export class SearchIndexError extends Error {
  override readonly name = 'SearchIndexError'
}
