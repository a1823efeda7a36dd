"""Durations as people say them."""


def show_duration(duration_s: float | None) -> str:
    """Seconds as people say them: `350 ms`, `12 s`, `5 min`, `3 h`, `2 d`."""
    if duration_s is None:
        return '—'
    if abs(duration_s) < 1:
        return f'{duration_s * 1000:.0f} ms'
    for size, unit in ((86_400, 'd'), (3_600, 'h'), (60, 'min')):
        if abs(duration_s) >= 2 * size:
            return f'{duration_s / size:.0f} {unit}'
    return f'{duration_s:.3g} s'
