interface Props {
  label: string;
  value: string;
  onChange(value: string): void;
  min: string;
  max?: string;
  step?: string;
}

export function NumberField({ label, value, onChange, min, max, step }: Props) {
  return (
    <label>
      {label}{' '}
      <input
        type="number"
        min={min}
        max={max}
        step={step}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}

/** An empty field is no number. In JSON it is null, which the emulator refuses with a sentence. */
export const numberOf = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));
