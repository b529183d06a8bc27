//! The contract of a warehouse, held to on every engine through the library. Whole syncs are told elsewhere.
