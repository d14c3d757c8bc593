"""The aivo contract on FastAPI, asyncpg and PostgreSQL: the routes that the benchmark asks.

uvicorn with uvloop and httptools, prepared statements (asyncpg prepares by itself), orjson for replies, tokens checked at
every request as the contract says, one statement for each write. Run as

    AIVO_SECRET=… AIVO_DATABASE=postgresql://… python -m uvicorn aivo:app --workers 2
"""
import os
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
import jwt
import orjson
from fastapi import FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

SECRET = os.environ["AIVO_SECRET"]


async def prepare(connection):
    await connection.set_type_codec(
        "jsonb", encoder=lambda value: b"\x01" + orjson.dumps(value), decoder=lambda value: orjson.loads(value[1:]),
        schema="pg_catalog", format="binary")


@asynccontextmanager
async def life(app):
    app.state.pool = await asyncpg.create_pool(os.environ["AIVO_DATABASE"], min_size=20, max_size=20, init=prepare)
    yield
    await app.state.pool.close()


app = FastAPI(lifespan=life, docs_url=None, redoc_url=None)


class NewThread(BaseModel):
    learner_id: str = Field(min_length=1, max_length=255)
    title: str = Field(max_length=255)
    description: str | None = None
    metadata: dict[str, Any] | None = None


class NewMessage(BaseModel):
    content: str
    sender_type: Literal["teacher", "guardian", "student", "system", "assistant"]
    message_type: Literal["text", "image", "file", "system", "alert"] = "text"
    metadata: dict[str, Any] | None = None


def user(request: Request) -> dict:
    words = request.headers.get("authorization", "").split(" ")
    if len(words) == 2 and words[0].lower() == "bearer":
        try:
            claims = jwt.decode(words[1], SECRET, algorithms=["HS256"])
            if claims.get("sub") and claims.get("tenant_id"):
                return claims
        except jwt.PyJWTError:
            pass
    raise HTTPException(401, "Authentication required")


def check(claims: dict, learner: str):
    if claims.get("role") in ("admin", "super_admin"):
        return
    scope = claims.get("learner_scope") or []
    if learner in scope or ("*" in scope and claims.get("role") in ("teacher", "guardian")):
        return
    raise HTTPException(403, "Access denied: Insufficient permissions for this learner")


def answer(value) -> Response:
    # With a UTC offset of zero orjson writes Z.
    return Response(orjson.dumps(value, option=orjson.OPT_UTC_Z), media_type="application/json")


THREAD = "id, tenant_id, learner_id, title, description, metadata, created_by, created_at, updated_at"
MESSAGE = "id, thread_id, content, sender_id, sender_type, message_type, metadata, created_at, updated_at"


async def thread(pool, claims: dict, identifier: str):
    try:
        row = await pool.fetchrow("SELECT learner_id FROM threads WHERE id = $1 AND tenant_id = $2",
                                  identifier, claims["tenant_id"])
    except asyncpg.DataError:
        row = None
    if row is None:
        raise HTTPException(404, "Thread not found")
    check(claims, row["learner_id"])


@app.get("/api/v1/health")
async def health():
    return {"status": "healthy", "service": "chat-service"}


@app.post("/api/v1/threads")
async def create_thread(body: NewThread, request: Request):
    claims = user(request)
    check(claims, body.learner_id)
    row = await request.app.state.pool.fetchrow(
        f"INSERT INTO threads (tenant_id, learner_id, title, description, metadata, created_by) "
        f"VALUES ($1,$2,$3,$4,$5,$6) RETURNING {THREAD}",
        claims["tenant_id"], body.learner_id, body.title, body.description, body.metadata or {}, claims["sub"])
    return answer({key: row[key] if key != "id" else str(row[key]) for key in row.keys()})


@app.post("/api/v1/threads/{thread_id}/messages")
async def create_message(thread_id: str, body: NewMessage, request: Request):
    claims = user(request)
    pool = request.app.state.pool
    async with pool.acquire() as connection:
        await thread(connection, claims, thread_id)
        row = await connection.fetchrow(
            f"WITH touched AS (UPDATE threads SET updated_at = now() WHERE id = $1) INSERT INTO messages "
            f"(thread_id, content, sender_id, sender_type, message_type, metadata) VALUES ($1,$2,$3,$4,$5,$6) "
            f"RETURNING {MESSAGE}",
            thread_id, body.content, claims["sub"], body.sender_type, body.message_type, body.metadata or {})
    return answer(message(row))


def message(row):
    return {key: str(row[key]) if key in ("id", "thread_id") else row[key] for key in row.keys()}


@app.get("/api/v1/threads/{thread_id}/messages")
async def list_messages(thread_id: str, request: Request, limit: int = 50, offset: int = 0):
    claims = user(request)
    async with request.app.state.pool.acquire() as connection:
        await thread(connection, claims, thread_id)
        rows = await connection.fetch(
            f"SELECT {MESSAGE} FROM messages WHERE thread_id = $1 ORDER BY created_at DESC LIMIT $2 OFFSET $3",
            thread_id, limit, offset)
        total = await connection.fetchval("SELECT count(*) FROM messages WHERE thread_id = $1", thread_id)
    return answer({"messages": [message(row) for row in rows], "total": total, "limit": limit, "offset": offset})
