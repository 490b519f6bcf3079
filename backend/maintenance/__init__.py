"""Queue maintenance: messages for queued jobs, an end for lost ones, and nothing kept that nobody needs."""
