"""HTTP: what reads or checks a request raises ``RefusedError``; ``responses`` makes the answer."""
