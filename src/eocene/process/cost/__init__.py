"""What a plan will cost, told from schemas: memory, bytes read, processor time; and how it is cut to fit."""
