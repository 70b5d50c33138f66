// A PromQL expression as the grammar of Grafana's editor has it, as a tree to ask.
import { parser } from '@prometheus-io/lezer-promql'

interface SyntaxNode {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly parent: SyntaxNode | null
  getChild(name: string): SyntaxNode | null
  getChildren(name: string): SyntaxNode[]
}

export interface Selected {
  readonly metric: string
  readonly labels: readonly { readonly name: string; readonly operator: string; readonly value: string }[]
  /** Names of the functions and aggregations around it, from the inside. */
  readonly within: readonly string[]
  /** Of the range that it is asked for. */
  readonly range: string | undefined
}

/** Every selector in an expression. */
export function selectorsIn(query: string): readonly Selected[] {
  const text = ({ from, to }: SyntaxNode): string => query.slice(from, to)
  const found: Selected[] = []
  parser.parse(query).iterate({
    enter: (ref) => {
      if (ref.name !== 'VectorSelector') return
      const node = ref.node as SyntaxNode
      const name = node.getChild('Identifier')
      const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
      const labels = matchers.map((matcher) => {
        const [label, operator, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((kind) => matcher.getChild(kind))
        return {
          name: label ? text(label) : '',
          operator: operator ? text(operator) : '',
          value: value ? text(value).slice(1, -1) : '',
        }
      })
      found.push({ metric: name ? text(name) : '', labels, ...around(node, text) })
    },
  })
  return found
}

function around(node: SyntaxNode, text: (node: SyntaxNode) => string): Pick<Selected, 'within' | 'range'> {
  const within: string[] = []
  let range: string | undefined
  for (let at = node.parent; at; at = at.parent) {
    const called = at.getChild('FunctionIdentifier') ?? at.getChild('AggregateOp')
    if (called && (at.name === 'FunctionCall' || at.name === 'AggregateExpr')) within.push(text(called))
    if (at.name === 'MatrixSelector') range = /\[(.*)\]$/.exec(text(at))?.[1]
  }
  return { within, range }
}

/** Labels that an expression groups by. */
export function groupedBy(query: string): readonly string[] {
  const found: string[] = []
  parser.parse(query).iterate({
    enter: (ref) => {
      if (ref.name !== 'LabelName' || ref.node.parent?.name !== 'GroupingLabels') return
      found.push(query.slice(ref.from, ref.to))
    },
  })
  return found
}
