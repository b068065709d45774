"""One file a verb: from its options to calls of the library, and what is printed."""
