import { AfterglowError } from '../../core/errors.ts'

/** The testing kit cannot do what a test asks, or found what a test should not leave behind. */
export class TestingError extends AfterglowError {
  override readonly name = 'TestingError' as const
  readonly code = 'ERR_AFTERGLOW_TESTING' as const
}
