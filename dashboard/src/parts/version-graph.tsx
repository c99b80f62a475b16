import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { VersionNode } from '../../../src/domain/version-graph';
import { Loading } from './states';
import {
  type GraphLayout,
  layOutVersions,
  nodeSize,
  type PlacedNode,
  sayVersion,
} from './version-graph-layout';
import '../styles/reports.css';

/** So much of a text fits into a box. */
const fits = 22;
const shortened = (text: string): string =>
  text.length > fits ? `${text.slice(0, fits - 1)}…` : text;

/**
 * The versions of a schema as a drawing. Each box is a link, so it is reached and chosen by keyboard.
 * @param props.addressOf where a version's box leads
 */
export function VersionGraph(props: {
  readonly versions: readonly VersionNode[];
  readonly selected: string | undefined;
  readonly addressOf: (id: string) => string;
}) {
  const { versions, selected, addressOf } = props;
  const { data: layout } = useQuery({
    queryKey: ['version-layout', versions],
    queryFn: () => layOutVersions(versions),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!layout) return <Loading what="Drawing the versions" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard.
    <section className="version-graph" aria-label="Version graph" tabIndex={0}>
      <Drawing layout={layout} selected={selected} addressOf={addressOf} />
    </section>
  );
}

function Drawing(props: {
  readonly layout: GraphLayout;
  readonly selected: string | undefined;
  readonly addressOf: (id: string) => string;
}) {
  const { nodes, edges, width, height } = props.layout;
  return (
    // biome-ignore lint/a11y/useSemanticElements: no other element draws.
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="group"
      aria-label="Versions, each below those that it follows"
    >
      <defs>
        <marker
          id="version-arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          orient="auto"
        >
          <path d="M0 0L8 4L0 8z" className="version-arrow" />
        </marker>
      </defs>
      {edges.map(({ from, to, path }) => (
        <path
          key={`${from} ${to}`}
          d={path}
          className="version-edge"
          markerEnd="url(#version-arrow)"
        />
      ))}
      {nodes.map((placed) => (
        <Box
          key={placed.node.id}
          placed={placed}
          isSelected={placed.node.id === props.selected}
          address={props.addressOf(placed.node.id)}
        />
      ))}
    </svg>
  );
}

function Box(props: {
  readonly placed: PlacedNode;
  readonly isSelected: boolean;
  readonly address: string;
}) {
  const { node, x, y } = props.placed;
  const marks = [node.isCurrent ? 'current' : '', node.isHead ? 'head' : ''].filter(Boolean);
  const look = node.isCurrent ? 'version-node version-current' : 'version-node';
  return (
    <Link
      href={props.address}
      aria-label={sayVersion(node)}
      aria-current={props.isSelected ? 'true' : undefined}
      className={props.isSelected ? `${look} version-selected` : look}
    >
      <rect x={x} y={y} width={nodeSize.width} height={nodeSize.height} rx="8" />
      <text x={x + 12} y={y + 22} className="version-id">
        {shortened(node.id)}
      </text>
      <text x={x + 12} y={y + 38} className="version-name">
        {shortened(node.name || node.tool)}
      </text>
      <text x={x + 12} y={y + 54} className="version-marks">
        {marks.join(', ') || node.checksum?.slice(0, 8) || ''}
      </text>
    </Link>
  );
}
