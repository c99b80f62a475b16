import { useDatabases } from '../queries';
import { Choice, Choices } from './form';

/** Which databases somebody or something may use: all, or some of the registered ones. */
export function BoundDatabases(props: {
  readonly legend: string;
  /** Null: all. */
  readonly value: readonly string[] | null;
  readonly error?: string | undefined;
  readonly onChange: (databases: readonly string[] | null) => void;
}) {
  const { value, onChange } = props;
  const { data: databases = [] } = useDatabases();
  return (
    <Choices legend={props.legend} error={props.error}>
      <Choice
        type="checkbox"
        label="All databases, also those that are added later"
        isChecked={value === null}
        onChange={(isAll) => onChange(isAll ? null : [])}
      />
      {value !== null &&
        databases.map(({ name }) => (
          <Choice
            key={name}
            type="checkbox"
            label={name}
            isChecked={value.includes(name)}
            onChange={(isChosen) =>
              onChange(isChosen ? [...value, name] : value.filter((one) => one !== name))
            }
          />
        ))}
    </Choices>
  );
}

/** What is wrong with a choice of databases; undefined: nothing. */
export function boundProblem(databases: readonly string[] | null): string | undefined {
  return databases?.length === 0 ? 'Choose at least one database, or all of them.' : undefined;
}

/** "all", or their names. */
export const boundWords = (databases: readonly string[] | null): string =>
  databases === null ? 'all' : databases.join(', ');
