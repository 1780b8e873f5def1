"""Matrix decompositions and what rests on them."""
