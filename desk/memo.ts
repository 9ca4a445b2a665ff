import { Component, type ComponentChildren, h } from 'preact';

/** A component that renders again only for other props, so that long lists stay fast. */
export function memo<Props extends object>(render: (props: Props) => ComponentChildren) {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const names = Object.keys({ ...this.props, ...next }) as (keyof Props)[];
      return names.some((name) => this.props[name] !== next[name]);
    }
    override render(props: Props) {
      return h(render as never, props as never);
    }
  };
}
