"""What arrives over HTTP and what leaves over it.

What reads or checks a request raises ``errors.RefusedError``; ``responses`` makes the answer.
"""
