import type { Node, Source } from './sources.ts'
import { isNode, lineOf, walk } from './sources.ts'

export interface Import {
  readonly specifier: string
  /** Erased by type stripping. */
  readonly typeOnly: boolean
  readonly line: number
}

/** Every way in which one file names another: static, dynamic, re-export, `import('x')` types, `declare module 'x'`. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = []
  walk(source.program, (node) => {
    const target = targetOf(node)
    if (!isNode(target) || typeof target['value'] !== 'string') return
    found.push({ specifier: target['value'], typeOnly: isTypeOnly(node), line: lineOf(source.text, node.start) })
  })
  return found
}

function targetOf(node: Node): unknown {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return node['source'] ?? node['argument']
    case 'TSExternalModuleReference':
      return node['expression']
    case 'TSModuleDeclaration':
      return node['id']
    case 'CallExpression': {
      const { callee, arguments: args } = node as unknown as { callee: Node; arguments: unknown[] }
      return callee['name'] === 'require' ? args[0] : undefined
    }
    default:
      return undefined
  }
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType' || node.type === 'TSModuleDeclaration') return true
  return node['importKind'] === 'type' || node['exportKind'] === 'type'
}
