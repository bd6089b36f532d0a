import { counted } from '../table.ts';
import { GRADES, type LabelSession } from './label-session.ts';

const CLEAR = '\u001b[2J\u001b[H';

/** What surrounds the queue on the screen. */
export interface ScreenFrame {
  readonly task: string;
  readonly rubric: string | null;
  readonly width: number;
}

/** The current request as a screen: what was asked, the answers without their models, and what the keys do. */
export function labelScreen(session: LabelSession, { task, rubric, width }: ScreenFrame): string {
  const { items, at, options, labelled, skipped, current } = session;
  const head = `${task} · request ${Math.min(at.item + 1, items.length)} of ${items.length} · ${counted(labelled, 'label')} · ${skipped} skipped`;
  if (current === null) return `${CLEAR}${head}\n\nThat was the last one.  u undo · q quit\n`;
  const answers = current.answers.flatMap(({ text }, i) => {
    const mark = options.kind !== 'label' && i === at.answer ? ' ◀' : '';
    return [rule(`answer ${letter(i)}${mark}`, width), shown(text), ''];
  });
  return [
    `${CLEAR}${head}`,
    '',
    ...(session.showsRubric ? [rule('rubric', width), shown(rubric ?? 'This task has none.'), ''] : []),
    rule(current.why === null ? 'request' : `request (${current.why})`, width),
    shown(current.input),
    '',
    ...answers,
    ...(options.kind === 'label' ? [labelKeys(session)] : []),
    `${question(session)}   s skip · u undo · ? rubric · q quit\n`,
  ].join('\n');
}

/** The letter that an answer goes by. */
export function letter(index: number): string {
  return String.fromCharCode(65 + index);
}

function question({ options, at, typed }: LabelSession): string {
  if (options.kind === 'label') {
    const how = options.labels.length > 9 ? `number and Enter: ${typed}_` : 'a number';
    return `Which is right?  ${how} · a, b as that answer says`;
  }
  const whose = `Answer ${letter(at.answer)}:`;
  return options.kind === 'json' ? `${whose}  y right · n wrong` : `${whose}  1 bad · 2 poor · 3 in part · 4 good · ${GRADES} right`;
}

function labelKeys({ options }: LabelSession): string {
  return `${options.labels.map((label, i) => `${i + 1} ${shown(label)}`).join(' · ')}\n`;
}

function rule(title: string, width: number): string {
  return `── ${title} ${'─'.repeat(Math.max(3, Math.min(width || 80, 100) - title.length - 4))}`;
}

/** A text of somebody else, without what would steer the terminal. */
function shown(text: string): string {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, '\ufffd').trimEnd();
}
