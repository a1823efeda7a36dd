"""`hermes setup status`: the checklist of the first run (ADM-1)."""

from hermes.cli.output import alarm, print_json, say, show

WORDS = {'done': 'done', 'todo': 'to do', 'failed': 'failed', 'blocked': 'not yet'}


def show_checklist(online: bool, as_json: bool) -> bool:
    """Print it; whether everything is done. `online`: the systems are asked first."""
    from hermes.cli.database import reading
    from hermes.cli.session import session
    from hermes.cli.world import load_settings
    from hermes.parts.site import site_of
    from hermes.setup.checklist import checklist, is_done
    from hermes.setup.doctor import ask_systems

    if online:
        with session(contact=False) as here:
            here.do(ask_systems(here.engine, here.site))
    with reading() as connection:
        steps = checklist(connection, site_of(load_settings()))
    if as_json:
        print_json(steps)
        return is_done(steps)
    width = max(len(step.title) for step in steps)
    for step in steps:
        todo = f' -> {step.command}' if step.state in ('todo', 'failed') else ''
        line = f'{WORDS[step.state]:<7}  {step.title.ljust(width)}  {show(step.said)}{todo}'
        alarm(line) if step.state == 'failed' else say(line)
    say('everything is set up' if is_done(steps) else f'{sum(step.state != "done" for step in steps)} left')
    return is_done(steps)
