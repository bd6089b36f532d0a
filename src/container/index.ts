export { type Container, checksumOf, finite, invalid, readContainer, type SectionData, sectionOf, writeContainer } from './container.ts';
