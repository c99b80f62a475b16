import { textAt } from './world/tree.js';
import type { AnalysedStatement } from './world.js';

/** A statement that is run. */
export interface Step {
  readonly statement: AnalysedStatement;
  /** From 1, over all scripts. */
  readonly index: number;
  /** The last one of its script. */
  readonly endsScript: boolean;
}

/** A place to which a script may go back. */
interface Mark {
  /** Of a savepoint; null: the beginning of a transaction. */
  readonly name: string | null;
  readonly at: number;
}

/** Which statements of a script have an effect in the end, as far as its own transactions and savepoints say. */
export class ScriptCourse {
  readonly #left: Step[] = [];
  #marks: Mark[] = [];

  get left(): readonly Step[] {
    return this.#left;
  }

  /** @returns whether the statement has taken back others */
  add(step: Step): 'goes on' | 'taken back' {
    const result = this.#follow(step);
    // A transaction does not go on in the next script.
    if (step.endsScript) this.#marks = [];
    return result;
  }

  #follow(step: Step): 'goes on' | 'taken back' {
    const { kind, tree } = step.statement;
    if (kind === 'TransactionStmt') {
      const name = textAt(tree, 'savepoint_name') ?? '';
      const mark = this.#markOf(textAt(tree, 'kind') ?? '', name);
      if (mark) return this.#goBack(mark);
    }
    this.#left.push(step);
    return 'goes on';
  }

  /** Where a statement goes back to; undefined: it does not. */
  #markOf(kind: string, name: string): Mark | undefined {
    switch (kind) {
      case 'TRANS_STMT_BEGIN':
      case 'TRANS_STMT_START':
        this.#marks = [{ name: null, at: this.#left.length }];
        return undefined;
      case 'TRANS_STMT_SAVEPOINT':
        this.#marks.push({ name, at: this.#left.length });
        return undefined;
      case 'TRANS_STMT_COMMIT':
      case 'TRANS_STMT_PREPARE':
        this.#marks = [];
        return undefined;
      case 'TRANS_STMT_ROLLBACK':
        return this.#marks.find((mark) => mark.name === null);
      case 'TRANS_STMT_ROLLBACK_TO':
        return this.#marks.findLast((mark) => mark.name === name);
      default:
        return undefined;
    }
  }

  #goBack(mark: Mark): 'goes on' | 'taken back' {
    const isAny = this.#left.length > mark.at;
    this.#left.length = mark.at;
    // A savepoint stays where a script has gone back to it.
    this.#marks = this.#marks.filter((one) =>
      mark.name === null ? false : one.at < mark.at || one === mark,
    );
    return isAny ? 'taken back' : 'goes on';
  }
}
