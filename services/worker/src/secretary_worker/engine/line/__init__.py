"""The line of waiting jobs: in which order one worker claims them, and which of them may start."""
