"""Browser sessions in a cookie that only this origin can set and read."""

from __future__ import annotations

from cimd_testbed.net import Request
from cimd_testbed.reference.authorization_server._state import State
from cimd_testbed.reference.authorization_server._store import Session


def cookie_name(state: State) -> str:
    """Return the cookie's name; the prefix binds it to this https origin."""
    return "__Host-session" if state.issuer.startswith("https:") else "session"


def find_session(state: State, request: Request) -> Session | None:
    """Return the browser's session, unless it is too old."""
    session = state.store.sessions.get(request.cookies.get(cookie_name(state), ""))
    if session is None:
        return None
    age = state.clock.now() - session.started_at
    return session if age < state.settings.lifetimes.session else None


def start_session(state: State, user: str | None) -> tuple[Session, tuple[str, str]]:
    """Make a session, and the header that gives it to the browser."""
    session = Session(state.new_secret(), user, state.clock.now())
    state.store.sessions.put(session.id, session)
    secure = "; Secure" if state.issuer.startswith("https:") else ""
    value = f"{cookie_name(state)}={session.id}; Path=/; HttpOnly; SameSite=Lax"
    return session, ("Set-Cookie", f"{value}{secure}")
