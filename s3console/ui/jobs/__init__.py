"""What Queue shows of jobs and plans that wait."""
