"""What a command writes: tables, JSON and notes, and the progress of jobs."""
