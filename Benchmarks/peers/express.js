// The orion contract on Express, pg and PostgreSQL: what chat-server is compared with.
//
// The service as its authors run it, with what its own code leaves on the table put right, so that the comparison is with
// the stack and not with mistakes: prepared statements, one round trip for each save (insert and update in one statement,
// where the original has two), a Unix socket, no access log, no rate limit. The bodies, and the headers that a client sees,
// are the contract's.
//
//   node express.js PORT SOCKET_DIRECTORY DATABASE_PORT [WORKERS]
'use strict';
const cluster = require('cluster');

const [port, host, databasePort, workers = '1'] = process.argv.slice(2);

if (Number(workers) > 1 && cluster.isPrimary) {
    for (let i = 0; i < Number(workers); i++) cluster.fork();
    const stop = () => { for (const id in cluster.workers) cluster.workers[id].process.kill('SIGKILL'); process.exit(0); };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
} else {
    serve();
}

function serve() {
    const express = require('express');
    const { Pool } = require('pg');
    const pool = new Pool({ host, port: Number(databasePort), user: 'orion', database: 'orion', max: 20 });
    pool.on('error', (error) => console.error(String(error)));
    const app = express();
    app.disable('x-powered-by');

    const security = {
        'Content-Security-Policy': "default-src 'self';style-src 'self' 'unsafe-inline';script-src 'self';"
            + "img-src 'self' data: https:;base-uri 'self';font-src 'self' https: data:;form-action 'self';"
            + "frame-ancestors 'self';object-src 'none';script-src-attr 'none';upgrade-insecure-requests",
        'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin',
        'Origin-Agent-Cluster': '?1', 'Referrer-Policy': 'no-referrer',
        'Strict-Transport-Security': 'max-age=15552000; includeSubDomains', 'X-Content-Type-Options': 'nosniff',
        'X-DNS-Prefetch-Control': 'off', 'X-Download-Options': 'noopen', 'X-Frame-Options': 'SAMEORIGIN',
        'X-Permitted-Cross-Domain-Policies': 'none', 'X-XSS-Protection': '0',
        Vary: 'Origin', 'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': 'Content-Length,X-Request-Id',
    };
    app.use((request, response, next) => {
        for (const name in security) response.setHeader(name, security[name]);
        next();
    });
    app.use(express.json({ limit: '1mb' }));

    const query = (name, text, values) => pool.query({ name, text, values });
    const id = (kind) => `${kind}_${Date.now()}_${Math.random().toString(36).slice(2, 15)}`;
    const session = (row) => ({
        sessionId: row.session_id, userId: row.user_id, title: row.title, firstMessage: row.first_message || '',
        lastMessage: row.last_message || '', messageCount: row.message_count, createdAt: row.created_at.toISOString(),
        updatedAt: row.updated_at.toISOString(), metadata: row.metadata || {},
    });
    const message = (row) => ({
        id: row.message_id, sessionId: row.session_id, role: row.role, content: row.content,
        timestamp: row.created_at.toISOString(), metadata: row.metadata || {},
    });
    const route = (failure, body) => (request, response) => body(request, response).catch((error) => {
        if (error.code === '23503') return response.status(404).json({ error: 'Session not found' });
        response.status(500).json({ error: failure, message: error.message });
    });

    const started = Date.now();
    app.get('/health', (request, response) => response.json({
        status: 'healthy', service: 'orion-chat-backend', version: '1.0.0', timestamp: new Date().toISOString(),
        uptime: (Date.now() - started) / 1000, database: 'postgresql://localhost/orion',
    }));

    app.post('/api/sessions/create', route('Failed to create session', async (request, response) => {
        const { userId, firstMessage } = request.body;
        if (!userId) return response.status(400).json({ error: 'Missing required field: userId' });
        const text = firstMessage || '';
        const trimmed = text.trim();
        const title = trimmed ? trimmed.slice(0, 50) + (text.length > 50 ? '...' : '') : 'New Chat';
        const found = await query('create', `INSERT INTO chat_sessions
            (session_id, user_id, title, first_message, last_message, message_count) VALUES ($1,$2,$3,$4,$4,$5)
            RETURNING *`, [id('session'), userId, title, text, text ? 1 : 0]);
        response.status(201).json(session(found.rows[0]));
    }));

    app.get('/api/sessions/list', route('Failed to get sessions', async (request, response) => {
        const { userId, limit = '100', sortBy, sortOrder, startDate, endDate } = request.query;
        if (!userId) return response.status(400).json({ error: 'Missing required query parameter: userId' });
        const column = sortBy === 'createdAt' ? 'created_at' : 'updated_at';
        const direction = String(sortOrder).toLowerCase() === 'asc' ? 'ASC' : 'DESC';
        const values = [userId, parseInt(limit, 10)];
        let where = 'user_id = $1';
        if (startDate) where += ` AND created_at >= $${values.push(startDate)}`;
        if (endDate) where += ` AND created_at <= $${values.push(endDate)}`;
        const found = await query(`list ${column} ${direction} ${where}`,
            `SELECT * FROM chat_sessions WHERE ${where} ORDER BY ${column} ${direction} LIMIT $2`, values);
        response.json({ sessions: found.rows.map(session), count: found.rows.length });
    }));

    app.get('/api/sessions/messages', route('Failed to get messages', async (request, response) => {
        const { sessionId } = request.query;
        if (!sessionId) return response.status(400).json({ error: 'Missing required query parameter: sessionId' });
        const found = await query('messages',
            'SELECT message_id, session_id, role, content, metadata, created_at FROM chat_messages '
            + 'WHERE session_id = $1 ORDER BY created_at ASC', [sessionId]);
        response.json({ messages: found.rows.map(message), count: found.rows.length });
    }));

    app.post('/api/sessions/save-message', route('Failed to save message', async (request, response) => {
        const { sessionId, role, content, metadata } = request.body;
        if (!sessionId || !role || !content) {
            return response.status(400).json({ error: 'Missing required fields: sessionId, role, content' });
        }
        if (role !== 'user' && role !== 'assistant') {
            return response.status(400).json({ error: 'Invalid role. Must be "user" or "assistant"' });
        }
        const found = await query('save', `WITH saved AS (
                INSERT INTO chat_messages (message_id, session_id, role, content, metadata) VALUES ($1,$2,$3,$4,$5)
                RETURNING message_id, session_id, role, content, metadata, created_at),
            changed AS (UPDATE chat_sessions SET last_message = $4, message_count = message_count + 1
                WHERE session_id = $2)
            SELECT * FROM saved`, [id('msg'), sessionId, role, content, metadata || {}]);
        response.status(201).json(message(found.rows[0]));
    }));

    app.post('/api/sessions/delete', route('Failed to delete session', async (request, response) => {
        const { sessionId } = request.body;
        if (!sessionId) return response.status(400).json({ error: 'Missing required field: sessionId' });
        const found = await query('delete', 'DELETE FROM chat_sessions WHERE session_id = $1', [sessionId]);
        if (found.rowCount === 0) return response.status(404).json({ error: 'Session not found' });
        response.json({ success: true, message: 'Session deleted successfully' });
    }));

    app.get('/api/sessions/:sessionId', route('Failed to get session', async (request, response) => {
        const found = await query('get', 'SELECT * FROM chat_sessions WHERE session_id = $1', [request.params.sessionId]);
        if (found.rows.length === 0) return response.status(404).json({ error: 'Session not found' });
        response.json(session(found.rows[0]));
    }));

    app.listen(Number(port), '127.0.0.1');
}
