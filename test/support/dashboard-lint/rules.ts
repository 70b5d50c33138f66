// The rules of dashboards. Each gives what is against it, by the name of the panel.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import * as frame from './frame.ts'
import * as queries from './queries.ts'

export type Rule = (dashboard: Dashboard, all: readonly Dashboard[]) => readonly string[]

export const rules: Readonly<Record<string, Rule>> = {
  'has an address that stays': frame.hasAStableAddress,
  'is Classic, read-only, and found by its tag': frame.isReadOnlyAndClassic,
  'says of each panel what it is, what is good and what to do otherwise': frame.saysWhatGoodIsAndWhatToDo,
  'has a unit for each number': frame.numbersHaveUnits,
  'asks the data sources that are chosen': frame.asksTheChosenDatasources,
  'has no panel that asks nothing': frame.everyPanelAsksSomething,
  'has no panel on another, and no hole beside one': frame.fillsTheGrid,
  'has no empty row': frame.rowsHavePanels,
  'can be narrowed down to environment, service and instance': frame.canBeNarrowedDown,
  'colours only what is wrong': frame.coloursOnlyWhatIsWrong,
  'has links that lead somewhere, with what was chosen, the time and the task': frame.linksLeadSomewhere,
  'names columns that are there': frame.cellsAreThere,
  'asks for variables that are there': frame.asksForVariablesThatAreThere,
  'asks what Grafana can parse': queries.parses,
  'asks for metrics, labels and values that are emitted': queries.asksForWhatIsEmitted,
  'names in legends what the query keeps': queries.legendsNameWhatIsGroupedBy,
  'heeds what is chosen, in every selector': queries.heedsWhatIsChosen,
  'asks for windows that fit': queries.windowsFit,
  'shows counters as sums': queries.countersAreAggregated,
  'keeps the buckets of quantiles': queries.quantilesKeepBuckets,
  'asks for fields and events that are logged': queries.linesAskForWhatIsLogged,
  'asks for attributes that spans have': queries.tracesAskForWhatSpansHave,
}
