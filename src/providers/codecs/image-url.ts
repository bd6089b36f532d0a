import type { Part } from '../../core/index.ts';

type ImagePart = Extract<Part, { type: 'image' }>;

/** The media type of an image that only a URL names: its server knows. */
export const UNKNOWN_IMAGE = 'image/*';

/** An image from the URL of OpenAI's protocols: `data:` URLs hold the image itself, others point to it. */
export function readImageUrl(url: string): ImagePart {
  // Cut by position: a pattern over megabytes of base64 is slow.
  if (url.startsWith('data:')) {
    const comma = url.indexOf(',');
    const head = url.slice(5, comma);
    if (comma !== -1 && head.endsWith(';base64')) {
      return { type: 'image', mediaType: head.slice(0, -';base64'.length), source: { kind: 'base64', data: url.slice(comma + 1) } };
    }
  }
  return { type: 'image', mediaType: UNKNOWN_IMAGE, source: { kind: 'url', url } };
}

/** The URL of an image for OpenAI's protocols. */
export function writeImageUrl(image: ImagePart): string {
  return image.source.kind === 'url' ? image.source.url : `data:${image.mediaType};base64,${image.source.data}`;
}
