-- orion's tables, with the columns, indexes and trigger of the original.
CREATE TABLE chat_sessions(
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), session_id varchar(255) UNIQUE NOT NULL,
    user_id varchar(255) NOT NULL, title varchar(500), first_message text, last_message text,
    message_count int DEFAULT 0, metadata jsonb DEFAULT '{}', created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now());
CREATE TABLE chat_messages(
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), message_id varchar(255) UNIQUE NOT NULL,
    session_id varchar(255) NOT NULL REFERENCES chat_sessions(session_id) ON DELETE CASCADE,
    role varchar(50) NOT NULL CHECK (role IN ('user', 'assistant')), content text NOT NULL,
    metadata jsonb DEFAULT '{}', created_at timestamptz DEFAULT now());
CREATE INDEX ON chat_sessions(user_id);
CREATE INDEX ON chat_sessions(created_at DESC);
CREATE INDEX ON chat_sessions(updated_at DESC);
CREATE INDEX ON chat_messages(session_id);
CREATE INDEX ON chat_messages(created_at);
CREATE FUNCTION touch() RETURNS trigger AS $$ BEGIN NEW.updated_at = now(); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER touch BEFORE UPDATE ON chat_sessions FOR EACH ROW EXECUTE FUNCTION touch();

-- aivo's.
CREATE TABLE threads(
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), tenant_id varchar(255) NOT NULL, learner_id varchar(255) NOT NULL,
    title varchar(255) NOT NULL, description text, metadata jsonb NOT NULL DEFAULT '{}',
    created_by varchar(255) NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE messages(
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), thread_id uuid NOT NULL REFERENCES threads(id) ON DELETE CASCADE,
    content text NOT NULL, sender_id varchar(255) NOT NULL, sender_type varchar(20) NOT NULL,
    message_type varchar(20) NOT NULL DEFAULT 'text', metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz);
CREATE INDEX ON threads(tenant_id, learner_id, updated_at DESC);
CREATE INDEX ON messages(thread_id, created_at DESC);
