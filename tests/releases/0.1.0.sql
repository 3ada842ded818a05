-- fleet_dispatcher
DELETE FROM learned_limits WHERE learned_limits.account = $1::VARCHAR;

-- fleet_dispatcher
DELETE FROM provider_calls WHERE provider_calls.user_id = $1::VARCHAR;

-- fleet_dispatcher
INSERT INTO audit (actor, action, origin, user_id, details) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::JSONB) RETURNING audit.id;

-- fleet_dispatcher
INSERT INTO learned_limits (account, "window", user_id, calls, source, learned_at, until) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::INTEGER, $5::VARCHAR, now(), (now() + $6::interval)) ON CONFLICT (account, "window") DO UPDATE SET calls = $7::INTEGER, source = $8::VARCHAR, learned_at = now(), until = (now() + $6::interval);

-- fleet_dispatcher
INSERT INTO outbox (user_id, type, data, trace) SELECT bookmarks.user_id, $1::VARCHAR AS anon_1, jsonb_build_object($2::VARCHAR, bookmarks.id, $3::VARCHAR, bookmarks.url, $4::VARCHAR, bookmarks.external_id, $5::VARCHAR, bookmarks.user_id) || $6::JSONB AS anon_2, $7::VARCHAR AS anon_3 
FROM bookmarks 
WHERE bookmarks.id = ANY ($8::BIGINT[]);

-- fleet_dispatcher
INSERT INTO outbox (user_id, type, data, trace) VALUES ($1::VARCHAR, $2::VARCHAR, $3::JSONB, $4::VARCHAR) RETURNING outbox.id;

-- fleet_dispatcher
INSERT INTO provider_calls (user_id, key_source, model, weight, items, outcome, prompt_tokens, answer_tokens, cost_micros, started_at, ended_at) SELECT $1::VARCHAR AS anon_1, provider_calls.key_source, provider_calls.model, provider_calls.weight, provider_calls.items, provider_calls.outcome, provider_calls.prompt_tokens, provider_calls.answer_tokens, provider_calls.cost_micros, provider_calls.started_at, provider_calls.ended_at 
FROM provider_calls 
WHERE provider_calls.user_id = $2::VARCHAR AND provider_calls.key_source = $3::VARCHAR;

-- fleet_dispatcher
INSERT INTO signals (user_id, kind, details) VALUES ($1::VARCHAR, $2::VARCHAR, $3::JSONB) ON CONFLICT (user_id, kind) DO UPDATE SET times = (signals.times + $4::BIGINT), last_at = now(), details = excluded.details WHERE signals.last_at <= now() - $5::interval RETURNING signals.times;

-- fleet_dispatcher
INSERT INTO user_limits (user_id, minute, day, month, set_by, set_at) VALUES ($1::VARCHAR, $2::INTEGER, $3::INTEGER, $4::INTEGER, $5::VARCHAR, now()) ON CONFLICT (user_id) DO UPDATE SET minute = $6::INTEGER, day = $7::INTEGER, month = $8::INTEGER, set_by = $9::VARCHAR, set_at = now();

-- fleet_dispatcher
SELECT (SELECT count(*) FROM contents) AS contents,
           (SELECT count(*) FROM outbox) AS outbox,
           (SELECT count(DISTINCT user_id) FROM lanes) AS users;

-- fleet_dispatcher
SELECT DISTINCT analyses.user_id, analyses.prompt_version 
FROM analyses 
WHERE analyses.analysed_by = $1::VARCHAR ORDER BY analyses.user_id;

-- fleet_dispatcher
SELECT DISTINCT jobs.user_id 
FROM jobs 
WHERE jobs.state = 'failed' AND jobs.error_code = $1::VARCHAR ORDER BY jobs.user_id;

-- fleet_dispatcher
SELECT DISTINCT jobs.user_id 
FROM jobs 
WHERE jobs.state = 'failed' AND true AND jobs.id = ANY ($1::BIGINT[]) ORDER BY jobs.user_id;

-- fleet_dispatcher
SELECT DISTINCT user_id FROM lanes WHERE paused ORDER BY user_id LIMIT 100;

-- fleet_dispatcher
SELECT analysed_by, count(*) FROM analyses GROUP BY analysed_by;

-- fleet_dispatcher
SELECT api_keys.user_id 
FROM api_keys 
WHERE api_keys.fingerprint = $1::VARCHAR ORDER BY api_keys.user_id;

-- fleet_dispatcher
SELECT audit.actor, audit.origin, audit.action, audit.user_id, audit.details 
FROM audit ORDER BY audit.id;

-- fleet_dispatcher
SELECT audit.at 
FROM audit 
WHERE audit.user_id = $1::VARCHAR AND audit.action = $2::VARCHAR AND audit.at > now() - $3::interval ORDER BY audit.at DESC 
 LIMIT $4::INTEGER;

-- fleet_dispatcher
SELECT audit.id, audit.at, audit.actor, audit.action, audit.origin, audit.user_id, audit.details 
FROM audit 
WHERE audit.user_id = $1::VARCHAR AND audit.id < $2::BIGINT ORDER BY audit.id DESC 
 LIMIT $3::INTEGER;

-- fleet_dispatcher
SELECT audit.id, audit.at, audit.actor, audit.action, audit.origin, audit.user_id, audit.details 
FROM audit 
WHERE audit.user_id = $1::VARCHAR ORDER BY audit.id DESC 
 LIMIT $2::INTEGER;

-- fleet_dispatcher
SELECT audit.id, audit.at, audit.actor, audit.action, audit.origin, audit.user_id, audit.details 
FROM audit ORDER BY audit.id;

-- fleet_dispatcher
SELECT audit.id, audit.at, audit.actor, audit.action, audit.origin, audit.user_id, audit.details 
FROM audit ORDER BY audit.id DESC 
 LIMIT $1::INTEGER;

-- fleet_dispatcher
SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags, bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice, bookmarks.submitted_at, bookmarks.updated_at, contents.verdict AS content_verdict, contents.final_url AS content_final_url, contents.description AS content_description, contents.author AS content_author, contents.site_name AS content_site_name, contents.language AS content_language, contents.published AS content_published, contents.image AS content_image, contents.pages AS content_pages, contents.fetched_at AS content_fetched_at, contents.strategy AS content_strategy, contents.title AS content_title, contents.chars AS content_chars, contents.words AS content_words, analyses.key_concepts AS analysis_key_concepts, analyses.content_type AS analysis_content_type, analyses.difficulty AS analysis_difficulty, analyses.technologies AS analysis_technologies, analyses.learning_path AS analysis_learning_path, analyses.project_applicability AS analysis_project_applicability, analyses.skill_development AS analysis_skill_development, analyses.summary AS analysis_summary, analyses.analysed_by AS analysis_analysed_by, analyses.model AS analysis_model, analyses.key_source AS analysis_key_source, analyses.prompt_version AS analysis_prompt_version, analyses.chars_left_out AS analysis_chars_left_out, analyses.analysed_at AS analysis_analysed_at, analyses.prompt_tokens, analyses.answer_tokens, job.stage AS job_stage, job.state AS job_state, job.attempts AS job_attempts, job.ready_at AS job_ready_at, job.reason AS job_reason, lanes.paused, lanes.rest_until, lanes.rest_reason, statement_timestamp() AS now 
FROM bookmarks LEFT OUTER JOIN contents ON contents.bookmark_id = bookmarks.id LEFT OUTER JOIN analyses ON analyses.bookmark_id = bookmarks.id LEFT OUTER JOIN LATERAL (SELECT jobs.stage AS stage, jobs.state AS state, jobs.attempts AS attempts, jobs.ready_at AS ready_at, jobs.reason AS reason 
FROM jobs 
WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) DESC, CASE WHEN (jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR)) THEN CASE jobs.stage WHEN $4 THEN $5::INTEGER WHEN $6 THEN $7::INTEGER WHEN $8 THEN $9::INTEGER END END, jobs.id DESC 
 LIMIT $10::INTEGER) AS job ON true LEFT OUTER JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage 
WHERE bookmarks.state IN ('done', 'failed') ORDER BY bookmarks.updated_at DESC 
 LIMIT $11::INTEGER;

-- fleet_dispatcher
SELECT coalesce(sum(provider_calls.weight), $1::INTEGER) AS calls, coalesce(sum(provider_calls.prompt_tokens), $2::INTEGER) AS prompt, coalesce(sum(provider_calls.answer_tokens), $3::INTEGER) AS answer, max(provider_calls.started_at) AS last_used, coalesce(sum(provider_calls.cost_micros), $4::INTEGER) AS cost_micros 
FROM provider_calls 
WHERE provider_calls.started_at >= $5::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $6::VARCHAR AND provider_calls.key_source = $7::VARCHAR;

-- fleet_dispatcher
SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state IN ('queued', 'released', 'running')
                               GROUP BY bookmark_id, stage HAVING count(*) > 1) AS doubled;

-- fleet_dispatcher
SELECT count(*) FROM bookmarks
          LEFT JOIN contents ON contents.bookmark_id = bookmarks.id
          LEFT JOIN analyses ON analyses.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'done' AND (contents.bookmark_id IS NULL OR analyses.bookmark_id IS NULL);

-- fleet_dispatcher
SELECT count(*) FROM bookmarks
         WHERE state = 'failed' AND (error_code IS NULL OR error IS NULL OR advice IS NULL);

-- fleet_dispatcher
SELECT count(*) FROM bookmarks JOIN contents ON contents.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'done' AND contents.strategy = 'fallback';

-- fleet_dispatcher
SELECT count(*) FROM bookmarks JOIN contents ON contents.bookmark_id = bookmarks.id
         WHERE bookmarks.state = 'queued' AND contents.strategy = 'fallback' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.bookmark_id = bookmarks.id AND jobs.stage <> 'analyze'
                                    AND jobs.state IN ('queued', 'released', 'running'));

-- fleet_dispatcher
SELECT count(*) FROM bookmarks WHERE bookmarks.state = 'queued' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.bookmark_id = bookmarks.id
                                    AND jobs.state IN ('queued', 'released', 'running'));

-- fleet_dispatcher
SELECT count(*) FROM jobs
         WHERE state IN ('released', 'running') AND (token IS NULL OR lease_until IS NULL);

-- fleet_dispatcher
SELECT count(*) FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id
         WHERE bookmarks.user_id <> jobs.user_id;

-- fleet_dispatcher
SELECT count(*) FROM jobs LEFT JOIN lanes USING (user_id, stage)
         WHERE jobs.state IN ('queued', 'released', 'running') AND lanes.state IS NULL;

-- fleet_dispatcher
SELECT count(*) FROM jobs WHERE stage = $1 AND state = 'released';

-- fleet_dispatcher
SELECT count(*) FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND token IS NOT NULL;

-- fleet_dispatcher
SELECT count(*) FROM lanes WHERE lanes.state = 'asleep' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state = 'queued');

-- fleet_dispatcher
SELECT count(*) FROM lanes WHERE lanes.state = 'full' AND lanes.stage <> 'render' AND NOT EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state IN ('released', 'running'));

-- fleet_dispatcher
SELECT count(*) FROM lanes WHERE lanes.state = 'idle' AND EXISTS (
               SELECT 1 FROM jobs WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                                    AND jobs.state = 'queued');

-- fleet_dispatcher
SELECT jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.error_code, jobs.error, jobs.ended_at, bookmarks.url, bookmarks.advice 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id 
WHERE jobs.state = 'failed' AND true AND jobs.id < $1::BIGINT ORDER BY jobs.id DESC 
 LIMIT $2::INTEGER;

-- fleet_dispatcher
SELECT jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.error_code, jobs.error, jobs.ended_at, bookmarks.url, bookmarks.advice 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id 
WHERE jobs.state = 'failed' AND true ORDER BY jobs.id DESC 
 LIMIT $1::INTEGER;

-- fleet_dispatcher
SELECT jobs.user_id 
FROM jobs 
WHERE jobs.state IN ('released', 'running') AND jobs.lease_until <= statement_timestamp() ORDER BY jobs.lease_until 
 LIMIT $1::INTEGER;

-- fleet_dispatcher
SELECT lanes.user_id
      FROM (
        SELECT lanes.user_id, lanes.stage,
               CASE WHEN next.ready_at IS NULL THEN 'idle'
                    WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                    WHEN out.jobs >= coalesce(CAST(CAST($1 AS jsonb) ->> lanes.stage AS int), 0) THEN 'full'
                    WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                    ELSE 'ready' END AS state,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                    ELSE coalesce(next.reason, 'backoff') END AS reason,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                    ELSE next.ready_at END AS wake_at
          FROM (SELECT * FROM lanes WHERE (user_id, stage) > ($2, $3) ORDER BY user_id, stage LIMIT $4) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT jobs.ready_at, jobs.reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
    ) AS derived
      JOIN lanes ON lanes.user_id = derived.user_id AND lanes.stage = derived.stage
     WHERE lanes.state <> 'ready' AND lanes.state <> derived.state
       AND (lanes.wake_at IS NULL OR lanes.wake_at > statement_timestamp());

-- fleet_dispatcher
SELECT lanes.user_id 
FROM lanes 
WHERE lanes.stage = $1::VARCHAR AND lanes.rest_until > statement_timestamp() AND lanes.rest_reason IN ($2::VARCHAR) ORDER BY lanes.user_id;

-- fleet_dispatcher
SELECT lanes.user_id, lanes.stage, lanes.paused, lanes.rest_until, lanes.rest_reason,
               statement_timestamp() AS now, next.ready_at, next.reason, queued.jobs AS queued,
               out.released, out.running
          FROM (SELECT * FROM lanes WHERE 
    (state <> 'idle' OR paused)
    AND (user_id > $1 OR user_id = $1 AND stage < $2)
    AND (CAST($3 AS text) IS NULL OR CASE WHEN paused THEN 'paused' ELSE reason END = $3)
    ORDER BY user_id, stage DESC LIMIT $4
) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued') AS queued
         CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE state = 'released') AS released,
                          count(*) FILTER (WHERE state = 'running') AS running FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT ready_at, reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY ready_at, id LIMIT 1) AS next ON true
         ORDER BY lanes.user_id, lanes.stage DESC;

-- fleet_dispatcher
SELECT learned_limits."window", learned_limits.calls, learned_limits.source, learned_limits.learned_at, learned_limits.until 
FROM learned_limits 
WHERE learned_limits.account = $1::VARCHAR;

-- fleet_dispatcher
SELECT now() AS now_1;

-- fleet_dispatcher
SELECT outbox.id, outbox.user_id, outbox.type, outbox.data, outbox.trace, outbox.created_at 
FROM outbox ORDER BY outbox.id;

-- fleet_dispatcher
SELECT pg_advisory_xact_lock($1::INTEGER, hashtext($2::VARCHAR)) AS pg_advisory_xact_lock_1;

-- fleet_dispatcher
SELECT pg_try_advisory_xact_lock($1, $2);

-- fleet_dispatcher
SELECT pg_try_advisory_xact_lock($1::INTEGER) AS pg_try_advisory_xact_lock_1;

-- fleet_dispatcher
SELECT provider_calls.started_at, provider_calls.weight 
FROM provider_calls 
WHERE provider_calls.started_at >= $1::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $2::VARCHAR AND provider_calls.key_source = $3::VARCHAR ORDER BY provider_calls.started_at, provider_calls.id;

-- fleet_dispatcher
SELECT set_config('enable_seqscan', 'on', true);

-- fleet_dispatcher
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true);

-- fleet_dispatcher
SELECT signals.user_id, signals.kind, signals.times, signals.first_at, signals.last_at, signals.details 
FROM signals 
WHERE signals.user_id = $1::VARCHAR ORDER BY signals.last_at DESC, signals.user_id, signals.kind 
 LIMIT $2::INTEGER;

-- fleet_dispatcher
SELECT signals.user_id, signals.kind, signals.times, signals.first_at, signals.last_at, signals.details 
FROM signals ORDER BY signals.last_at DESC, signals.user_id, signals.kind 
 LIMIT $1::INTEGER;

-- fleet_dispatcher
SELECT stage, CASE WHEN paused THEN 'paused' ELSE reason END AS reason, count(*) AS lanes,
           min(wake_at) FILTER (WHERE NOT paused) AS until
      FROM lanes WHERE state <> 'idle' AND (paused OR state = 'asleep')
     GROUP BY 1, 2 ORDER BY 1, 2;

-- fleet_dispatcher
SELECT stage, count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - claimed_at)) AS usual_s,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - claimed_at)) AS slow_s
      FROM jobs WHERE state IN ('done', 'failed') AND ended_at > $1
     GROUP BY stage;

-- fleet_dispatcher
SELECT stage, error_code AS code, count(*) AS jobs
      FROM jobs WHERE state = 'failed' AND ended_at > $1
     GROUP BY stage, error_code ORDER BY jobs DESC, code;

-- fleet_dispatcher
SELECT stage, state, count(*) FROM jobs GROUP BY stage, state;

-- fleet_dispatcher
SELECT state, count(*) FROM bookmarks GROUP BY state;

-- fleet_dispatcher
SELECT status AS name, count(*) AS number FROM api_keys GROUP BY status;

-- fleet_dispatcher
SELECT substr(reason, 7) AS name, count(DISTINCT user_id) AS number
      FROM lanes WHERE state = 'asleep' AND reason IN ('quota_minute', 'quota_day', 'quota_month') AND NOT paused
     GROUP BY reason;

-- fleet_dispatcher
SELECT user_id FROM lanes
     WHERE stage = 'analyze' AND waits_since <= statement_timestamp() - CAST($1 AS interval)
       AND rest_until > statement_timestamp() AND NOT paused
       AND EXISTS (SELECT FROM jobs WHERE jobs.stage = 'analyze' AND jobs.user_id = lanes.user_id
                                      AND jobs.state = 'queued' AND NOT jobs.replaces)
     ORDER BY waits_since LIMIT 1;

-- fleet_dispatcher
SELECT user_id FROM lanes WHERE stage = $1 AND state = 'ready' AND NOT paused
     ORDER BY last_served_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED;

-- fleet_dispatcher
SELECT user_id, stage FROM lanes WHERE (user_id, stage) > ($1, $2)
     ORDER BY user_id, stage OFFSET $3 LIMIT 1;

-- fleet_dispatcher
SELECT user_id, stage FROM lanes WHERE user_id = ANY(CAST($1 AS text[]))
     ORDER BY user_id, stage DESC FOR NO KEY UPDATE;

-- fleet_dispatcher
UPDATE api_keys SET status=$1::VARCHAR, reason=$2::VARCHAR, exhausted_until=$3::TIMESTAMP WITH TIME ZONE WHERE api_keys.user_id IN (SELECT api_keys.user_id 
FROM api_keys 
WHERE api_keys.exhausted_until <= now() 
 LIMIT $4::INTEGER FOR UPDATE SKIP LOCKED) RETURNING api_keys.user_id, api_keys.version;

-- fleet_dispatcher
UPDATE bookmarks SET state='failed', error_code=$1::VARCHAR, error=$2::VARCHAR, advice=$3::VARCHAR, updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($4::BIGINT[]) AND NOT (EXISTS (SELECT contents.bookmark_id 
FROM contents 
WHERE contents.bookmark_id = bookmarks.id AND contents.strategy = $5::VARCHAR)) RETURNING bookmarks.id;

-- fleet_dispatcher
UPDATE bookmarks SET state='failed', error_code=$1::VARCHAR, error=$2::VARCHAR, advice=$3::VARCHAR, updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($4::BIGINT[]) RETURNING bookmarks.id;

-- fleet_dispatcher
UPDATE jobs SET state='failed', attempts=(jobs.attempts + $1::SMALLINT), reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, error_code=$5::VARCHAR, error=$6::VARCHAR, ended_at=statement_timestamp() WHERE jobs.user_id IN ($7::VARCHAR) AND jobs.lease_until <= statement_timestamp() AND jobs.state = 'running' AND jobs.attempts >= $8::SMALLINT RETURNING jobs.user_id, jobs.stage, jobs.bookmark_id;

-- fleet_dispatcher
UPDATE jobs SET state='queued', attempts=(jobs.attempts + $1::SMALLINT), reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, claimed_at=$5::TIMESTAMP WITH TIME ZONE WHERE jobs.user_id IN ($6::VARCHAR) AND jobs.lease_until <= statement_timestamp() AND jobs.state = 'running' RETURNING jobs.user_id, jobs.stage, jobs.bookmark_id;

-- fleet_dispatcher
UPDATE jobs SET state='queued', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, claimed_at=$4::TIMESTAMP WITH TIME ZONE WHERE jobs.id IN ($5::BIGINT) AND jobs.token = $6::VARCHAR AND jobs.state = 'released';

-- fleet_dispatcher
UPDATE jobs SET state='queued', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, claimed_at=$4::TIMESTAMP WITH TIME ZONE WHERE jobs.user_id IN ($5::VARCHAR) AND jobs.lease_until <= statement_timestamp() AND jobs.state = 'released' RETURNING jobs.user_id, jobs.stage, jobs.bookmark_id;

-- fleet_dispatcher
UPDATE lanes
           SET state = derived.state,
               reason = CASE WHEN derived.state = 'asleep' THEN derived.reason END,
               wake_at = CASE WHEN derived.state = 'asleep' THEN derived.wake_at END,
               last_served_at = coalesce(
                   statement_timestamp() + NULL::bigint * interval '1 microsecond', lanes.last_served_at)
          FROM (
        SELECT lanes.user_id, lanes.stage,
               CASE WHEN next.ready_at IS NULL THEN 'idle'
                    WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                    WHEN out.jobs >= coalesce(CAST(CAST($1 AS jsonb) ->> lanes.stage AS int), 0) THEN 'full'
                    WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                    ELSE 'ready' END AS state,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                    ELSE coalesce(next.reason, 'backoff') END AS reason,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                    ELSE next.ready_at END AS wake_at
          FROM (SELECT * FROM lanes WHERE user_id = $2) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT jobs.ready_at, jobs.reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
    ) AS derived
         WHERE lanes.user_id = derived.user_id AND lanes.stage = derived.stage
           AND (NULL::bigint IS NOT NULL
                OR lanes.state <> derived.state
                OR derived.state = 'asleep'
                   AND (lanes.reason, lanes.wake_at) IS DISTINCT FROM (derived.reason, derived.wake_at));

-- fleet_dispatcher
UPDATE lanes
           SET state = derived.state,
               reason = CASE WHEN derived.state = 'asleep' THEN derived.reason END,
               wake_at = CASE WHEN derived.state = 'asleep' THEN derived.wake_at END,
               last_served_at = coalesce(
                   statement_timestamp() + array_position(CAST($1 AS text[]), lanes.user_id) * interval '1 microsecond', lanes.last_served_at)
          FROM (
        SELECT lanes.user_id, lanes.stage,
               CASE WHEN next.ready_at IS NULL THEN 'idle'
                    WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                    WHEN out.jobs >= coalesce(CAST(CAST($2 AS jsonb) ->> lanes.stage AS int), 0) THEN 'full'
                    WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                    ELSE 'ready' END AS state,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                    ELSE coalesce(next.reason, 'backoff') END AS reason,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                    ELSE next.ready_at END AS wake_at
          FROM (SELECT * FROM lanes WHERE user_id = ANY(CAST($3 AS text[])) AND stage = ANY(CAST($4 AS text[]))) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT jobs.ready_at, jobs.reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
    ) AS derived
         WHERE lanes.user_id = derived.user_id AND lanes.stage = derived.stage
           AND (array_position(CAST($1 AS text[]), lanes.user_id) IS NOT NULL
                OR lanes.state <> derived.state
                OR derived.state = 'asleep'
                   AND (lanes.reason, lanes.wake_at) IS DISTINCT FROM (derived.reason, derived.wake_at));

-- fleet_dispatcher
UPDATE lanes SET state = 'ready', reason = NULL, wake_at = NULL
     WHERE (user_id, stage) IN (
           SELECT user_id, stage FROM lanes
            WHERE stage = $1 AND state = 'asleep' AND wake_at <= statement_timestamp()
            ORDER BY wake_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED);

-- fleet_dispatcher
UPDATE provider_calls SET outcome=$1::VARCHAR, prompt_tokens=$2::INTEGER, answer_tokens=$3::INTEGER, cost_micros=$4::BIGINT, ended_at=clock_timestamp() WHERE provider_calls.id = $5::BIGINT AND provider_calls.ended_at IS NULL;

-- fleet_dispatcher
WITH due AS (
        SELECT lane.stage, lane.user_id, next.ready_at, lane.rest_until
          FROM (SELECT DISTINCT stage FROM lanes) AS stages
         CROSS JOIN LATERAL (
                   SELECT stage, user_id, rest_until FROM lanes
                    WHERE lanes.stage = stages.stage AND state = 'ready' AND NOT paused
                    ORDER BY last_served_at LIMIT 1000) AS lane
         CROSS JOIN LATERAL (
                   SELECT ready_at FROM jobs
                    WHERE jobs.stage = lane.stage AND jobs.user_id = lane.user_id AND state = 'queued'
                    ORDER BY ready_at, id LIMIT 1) AS next
        UNION ALL
        SELECT stage, user_id, jobs.ready_at, lanes.rest_until
          FROM jobs JOIN lanes USING (stage, user_id) WHERE jobs.state = 'released')
    SELECT stage, extract(epoch FROM max(now() - greatest(ready_at, rest_until))) AS seconds
      FROM due
     WHERE ready_at <= now() AND NOT EXISTS (
           SELECT FROM jobs WHERE stage = due.stage AND user_id = due.user_id AND state = 'running')
     GROUP BY stage;

-- fleet_dispatcher
WITH mine AS (
        SELECT id FROM jobs
         WHERE id = ANY(CAST($1 AS bigint[])) AND stage = $2 AND token = $3
           AND state = 'released' AND lease_until > statement_timestamp()
           FOR NO KEY UPDATE SKIP LOCKED),
    
    claimed AS (
        UPDATE jobs SET state = 'running', token = $3, claimed_at = statement_timestamp(),
                        lease_until = statement_timestamp() + CAST($4 AS interval)
          FROM mine WHERE jobs.id = mine.id
        RETURNING jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.ready_at,
                  jobs.trace)
    SELECT claimed.id, claimed.bookmark_id, claimed.user_id, claimed.attempts, claimed.trace,
           statement_timestamp() - greatest(claimed.ready_at, lanes.rest_until) AS waited,
           bookmarks.url, bookmarks.title, bookmarks.tags, bookmarks.excerpt,
           contents.strategy, contents.verdict, contents.final_url, contents.title AS content_title, contents.text,
           contents.description, contents.author, contents.site_name, contents.language, contents.published,
           contents.image, contents.pages, contents.links
      FROM claimed
      JOIN bookmarks ON bookmarks.id = claimed.bookmark_id
      LEFT JOIN lanes ON lanes.user_id = claimed.user_id AND lanes.stage = claimed.stage
      LEFT JOIN contents ON contents.bookmark_id = claimed.bookmark_id
                            AND (claimed.stage = 'analyze' OR contents.strategy = 'fallback')
     ORDER BY claimed.id;

-- fleet_dispatcher
WITH mine AS (
        SELECT id FROM jobs
         WHERE stage = 'analyze' AND user_id = $1 AND state = 'queued' AND NOT replaces
         ORDER BY ready_at, id LIMIT $2),
    
    claimed AS (
        UPDATE jobs SET state = 'running', token = $3, claimed_at = statement_timestamp(),
                        lease_until = statement_timestamp() + CAST($4 AS interval)
          FROM mine WHERE jobs.id = mine.id
        RETURNING jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.ready_at,
                  jobs.trace)
    SELECT claimed.id, claimed.bookmark_id, claimed.user_id, claimed.attempts, claimed.trace,
           statement_timestamp() - greatest(claimed.ready_at, lanes.rest_until) AS waited,
           bookmarks.url, bookmarks.title, bookmarks.tags, bookmarks.excerpt,
           contents.strategy, contents.verdict, contents.final_url, contents.title AS content_title, contents.text,
           contents.description, contents.author, contents.site_name, contents.language, contents.published,
           contents.image, contents.pages, contents.links
      FROM claimed
      JOIN bookmarks ON bookmarks.id = claimed.bookmark_id
      LEFT JOIN lanes ON lanes.user_id = claimed.user_id AND lanes.stage = claimed.stage
      LEFT JOIN contents ON contents.bookmark_id = claimed.bookmark_id
                            AND (claimed.stage = 'analyze' OR contents.strategy = 'fallback')
     ORDER BY claimed.id;

-- fleet_dispatcher
WITH next AS (
        SELECT job.id, turn.token, count(*) OVER (ORDER BY turn.place) AS with_its_group
          FROM unnest(CAST($1 AS text[]), CAST($2 AS text[])) WITH ORDINALITY AS turn (user_id, token, place)
         CROSS JOIN LATERAL (
               SELECT count(*) AS jobs FROM jobs
                WHERE jobs.stage = $3 AND jobs.user_id = turn.user_id
                  AND jobs.state IN ('released', 'running')) AS out
         CROSS JOIN LATERAL (
               SELECT jobs.id FROM jobs
                WHERE jobs.stage = $3 AND jobs.user_id = turn.user_id AND jobs.state = 'queued'
                  AND jobs.ready_at <= statement_timestamp()
                ORDER BY jobs.replaces, jobs.ready_at, jobs.id
                LIMIT greatest(0, least($4, $5 - out.jobs))) AS job)
    UPDATE jobs SET state = 'released', token = next.token, reason = NULL,
                    lease_until = statement_timestamp() + CAST($6 AS interval)
      FROM next WHERE jobs.id = next.id AND next.with_its_group <= $7
    RETURNING jobs.user_id, jobs.id, jobs.trace;

-- fleet_tenant
DELETE FROM api_keys WHERE api_keys.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM api_keys WHERE api_keys.user_id = $1::VARCHAR RETURNING api_keys.version;

-- fleet_tenant
DELETE FROM bookmarks WHERE bookmarks.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM bookmarks WHERE bookmarks.user_id = $1::VARCHAR AND (bookmarks.id IN ($2::BIGINT) OR bookmarks.url_digest IN (NULL) AND (1 != 1));

-- fleet_tenant
DELETE FROM bookmarks WHERE bookmarks.user_id = $1::VARCHAR AND (bookmarks.id IN (NULL) AND (1 != 1) OR bookmarks.url_digest IN ($2::VARCHAR, $3::VARCHAR));

-- fleet_tenant
DELETE FROM lanes WHERE lanes.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM learned_limits WHERE learned_limits.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM outbox WHERE outbox.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM receipts WHERE receipts.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM signals WHERE signals.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM user_limits WHERE user_limits.user_id = $1::VARCHAR;

-- fleet_tenant
DELETE FROM user_preferences WHERE user_preferences.user_id = $1::VARCHAR;

-- fleet_tenant
INSERT INTO analyses (bookmark_id, user_id, key_concepts, content_type, difficulty, technologies, learning_path, project_applicability, skill_development, summary, analysed_by, key_source, model, prompt_version, prompt_tokens, answer_tokens, chars_left_out) VALUES ($1::BIGINT, $2::VARCHAR, $3::TEXT[], $4::VARCHAR, $5::VARCHAR, $6::TEXT[], $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, $11::VARCHAR, $12::VARCHAR, $13::VARCHAR, $14::VARCHAR, $15::INTEGER, $16::INTEGER, $17::INTEGER) ON CONFLICT (bookmark_id, user_id) DO UPDATE SET key_concepts = excluded.key_concepts, content_type = excluded.content_type, difficulty = excluded.difficulty, technologies = excluded.technologies, learning_path = excluded.learning_path, project_applicability = excluded.project_applicability, skill_development = excluded.skill_development, summary = excluded.summary, analysed_by = excluded.analysed_by, key_source = excluded.key_source, model = excluded.model, prompt_version = excluded.prompt_version, prompt_tokens = excluded.prompt_tokens, answer_tokens = excluded.answer_tokens, chars_left_out = excluded.chars_left_out, analysed_at = statement_timestamp() WHERE NOT (analyses.analysed_by = $18::VARCHAR AND excluded.analysed_by = $19::VARCHAR) RETURNING analyses.bookmark_id;

-- fleet_tenant
INSERT INTO api_keys (user_id, name, status, reason, fingerprint, version, created_at, checked_at, last_used_at) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::BIGINT, now(), now(), $7::TIMESTAMP WITH TIME ZONE) ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, status = excluded.status, reason = excluded.reason, fingerprint = excluded.fingerprint, version = excluded.version, created_at = excluded.created_at, checked_at = excluded.checked_at, last_used_at = excluded.last_used_at, exhausted_until = excluded.exhausted_until;

-- fleet_tenant
INSERT INTO audit (actor, action, origin, user_id, details) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::JSONB) RETURNING audit.id;

-- fleet_tenant
INSERT INTO bookmarks (user_id, url, url_digest, title, tags, excerpt, external_id, created_at) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::TEXT[], $6::VARCHAR, $7::VARCHAR, $8::TIMESTAMP WITH TIME ZONE) ON CONFLICT (user_id, url_digest) DO UPDATE SET title = coalesce(nullif(excluded.title, $9::VARCHAR), bookmarks.title), tags = coalesce(nullif(excluded.tags, $10), bookmarks.tags), excerpt = coalesce(nullif(excluded.excerpt, $11::VARCHAR), bookmarks.excerpt), external_id = coalesce(excluded.external_id, bookmarks.external_id), created_at = coalesce(excluded.created_at, bookmarks.created_at), updated_at = now() RETURNING bookmarks.url_digest, bookmarks.id;

-- fleet_tenant
INSERT INTO contents (bookmark_id, user_id, strategy, verdict, final_url, title, text, description, author, site_name, language, published, image, pages, links, chars, words) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::VARCHAR, $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, $11::VARCHAR, $12::VARCHAR, $13::VARCHAR, $14::INTEGER, $15::JSONB, $16::INTEGER, $17::INTEGER) ON CONFLICT (bookmark_id, user_id) DO UPDATE SET strategy = excluded.strategy, verdict = excluded.verdict, final_url = excluded.final_url, title = excluded.title, text = excluded.text, description = excluded.description, author = excluded.author, site_name = excluded.site_name, language = excluded.language, published = excluded.published, image = excluded.image, pages = excluded.pages, links = excluded.links, chars = excluded.chars, words = excluded.words, fetched_at = statement_timestamp() RETURNING contents.xmax = 0;

-- fleet_tenant
INSERT INTO contents (bookmark_id, user_id, strategy, verdict, final_url, title, text, description, author, site_name, language, published, image, pages, links, chars, words) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6::VARCHAR, $7::VARCHAR, $8::VARCHAR, $9::VARCHAR, $10::VARCHAR, $11::VARCHAR, $12::VARCHAR, $13::VARCHAR, $14::INTEGER, $15::JSONB, $16::INTEGER, $17::INTEGER) ON CONFLICT (bookmark_id, user_id) DO UPDATE SET strategy = excluded.strategy, verdict = excluded.verdict, final_url = excluded.final_url, title = excluded.title, text = excluded.text, description = excluded.description, author = excluded.author, site_name = excluded.site_name, language = excluded.language, published = excluded.published, image = excluded.image, pages = excluded.pages, links = excluded.links, chars = excluded.chars, words = excluded.words, fetched_at = statement_timestamp() WHERE contents.strategy = $18::VARCHAR RETURNING contents.bookmark_id;

-- fleet_tenant
INSERT INTO jobs (bookmark_id, user_id, stage, ready_at, reason, trace) SELECT unnest($1::BIGINT[]) AS unnest_1, $2::VARCHAR AS anon_1, $3::VARCHAR AS anon_2, statement_timestamp() + $4::INTERVAL AS anon_3, $5::VARCHAR AS anon_4, $6::VARCHAR AS anon_5 ON CONFLICT DO NOTHING;

-- fleet_tenant
INSERT INTO jobs (bookmark_id, user_id, stage, replaces, trace) SELECT analyses.bookmark_id, $1::VARCHAR AS anon_1, $2::VARCHAR AS anon_2, true AS anon_3, $3::VARCHAR AS anon_4 
FROM analyses JOIN contents ON contents.bookmark_id = analyses.bookmark_id 
WHERE analyses.user_id = $4::VARCHAR AND analyses.analysed_by = $5::VARCHAR AND analyses.prompt_version IN ($6::VARCHAR) AND contents.strategy != $7::VARCHAR AND NOT (EXISTS (SELECT * 
FROM jobs 
WHERE jobs.bookmark_id = analyses.bookmark_id AND jobs.stage = $8::VARCHAR AND jobs.state IN ('queued', 'released', 'running'))) ORDER BY analyses.bookmark_id ON CONFLICT DO NOTHING;

-- fleet_tenant
INSERT INTO jobs (bookmark_id, user_id, stage, replaces, trace) SELECT analyses.bookmark_id, $1::VARCHAR AS anon_1, $2::VARCHAR AS anon_2, true AS anon_3, $3::VARCHAR AS anon_4 
FROM analyses JOIN contents ON contents.bookmark_id = analyses.bookmark_id 
WHERE analyses.user_id = $4::VARCHAR AND analyses.analysed_by = $5::VARCHAR AND contents.strategy != $6::VARCHAR AND NOT (EXISTS (SELECT * 
FROM jobs 
WHERE jobs.bookmark_id = analyses.bookmark_id AND jobs.stage = $7::VARCHAR AND jobs.state IN ('queued', 'released', 'running'))) ORDER BY analyses.bookmark_id 
 LIMIT $8::INTEGER ON CONFLICT DO NOTHING;

-- fleet_tenant
INSERT INTO jobs (bookmark_id, user_id, stage, replaces, trace) SELECT analyses.bookmark_id, $1::VARCHAR AS anon_1, $2::VARCHAR AS anon_2, true AS anon_3, $3::VARCHAR AS anon_4 
FROM analyses JOIN contents ON contents.bookmark_id = analyses.bookmark_id 
WHERE analyses.user_id = $4::VARCHAR AND analyses.analysed_by = $5::VARCHAR AND contents.strategy != $6::VARCHAR AND NOT (EXISTS (SELECT * 
FROM jobs 
WHERE jobs.bookmark_id = analyses.bookmark_id AND jobs.stage = $7::VARCHAR AND jobs.state IN ('queued', 'released', 'running'))) ORDER BY analyses.bookmark_id ON CONFLICT DO NOTHING;

-- fleet_tenant
INSERT INTO lanes (user_id, stage) VALUES ($1::VARCHAR, $2::VARCHAR);

-- fleet_tenant
INSERT INTO lanes (user_id, stage, paused)
    SELECT $1, $2, coalesce(bool_or(paused), false) FROM lanes WHERE user_id = $1
    ON CONFLICT DO NOTHING;

-- fleet_tenant
INSERT INTO outbox (user_id, type, data, trace) SELECT bookmarks.user_id, $1::VARCHAR AS anon_1, jsonb_build_object($2::VARCHAR, bookmarks.id, $3::VARCHAR, bookmarks.url, $4::VARCHAR, bookmarks.external_id, $5::VARCHAR, bookmarks.user_id) || $6::JSONB AS anon_2, $7::VARCHAR AS anon_3 
FROM bookmarks 
WHERE bookmarks.id = ANY ($8::BIGINT[]);

-- fleet_tenant
INSERT INTO outbox (user_id, type, data, trace) VALUES ($1::VARCHAR, $2::VARCHAR, $3::JSONB, $4::VARCHAR) RETURNING outbox.id;

-- fleet_tenant
INSERT INTO provider_calls (user_id, key_source, model, weight, items) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::SMALLINT, $5::SMALLINT) RETURNING provider_calls.id;

-- fleet_tenant
INSERT INTO receipts (user_id, source, key, digest, answer) VALUES ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::JSONB);

-- fleet_tenant
INSERT INTO user_preferences (user_id, language, set_at) VALUES ($1::VARCHAR, $2::VARCHAR, now()) ON CONFLICT (user_id) DO UPDATE SET language = $3::VARCHAR, set_at = now();

-- fleet_tenant
SELECT DISTINCT ON (jobs.bookmark_id) jobs.bookmark_id, jobs.id 
FROM jobs 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND jobs.bookmark_id IN (SELECT jobs.bookmark_id 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id AND bookmarks.user_id = jobs.user_id 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND bookmarks.state = 'failed' AND jobs.error_code = $2::VARCHAR) ORDER BY jobs.bookmark_id, CASE jobs.stage WHEN $3::VARCHAR THEN $4::INTEGER WHEN $5::VARCHAR THEN $6::INTEGER ELSE $7::INTEGER END, jobs.id DESC;

-- fleet_tenant
SELECT DISTINCT ON (jobs.bookmark_id) jobs.bookmark_id, jobs.id 
FROM jobs 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND jobs.bookmark_id IN (SELECT jobs.bookmark_id 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id AND bookmarks.user_id = jobs.user_id 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND bookmarks.state = 'failed' AND jobs.id = ANY ($2::BIGINT[]) AND jobs.error_code = $3::VARCHAR) ORDER BY jobs.bookmark_id, CASE jobs.stage WHEN $4::VARCHAR THEN $5::INTEGER WHEN $6::VARCHAR THEN $7::INTEGER ELSE $8::INTEGER END, jobs.id DESC;

-- fleet_tenant
SELECT DISTINCT ON (jobs.bookmark_id) jobs.bookmark_id, jobs.id 
FROM jobs 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND jobs.bookmark_id IN (SELECT jobs.bookmark_id 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id AND bookmarks.user_id = jobs.user_id 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND bookmarks.state = 'failed' AND jobs.id = ANY ($2::BIGINT[])) ORDER BY jobs.bookmark_id, CASE jobs.stage WHEN $3::VARCHAR THEN $4::INTEGER WHEN $5::VARCHAR THEN $6::INTEGER ELSE $7::INTEGER END, jobs.id DESC;

-- fleet_tenant
SELECT DISTINCT ON (jobs.bookmark_id) jobs.bookmark_id, jobs.id 
FROM jobs 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND jobs.bookmark_id IN (SELECT jobs.bookmark_id 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id AND bookmarks.user_id = jobs.user_id 
WHERE jobs.user_id = $1::VARCHAR AND jobs.state = 'failed' AND bookmarks.state = 'failed') ORDER BY jobs.bookmark_id, CASE jobs.stage WHEN $2::VARCHAR THEN $3::INTEGER WHEN $4::VARCHAR THEN $5::INTEGER ELSE $6::INTEGER END, jobs.id DESC;

-- fleet_tenant
SELECT DISTINCT analyses.user_id, analyses.prompt_version 
FROM analyses 
WHERE analyses.user_id = $1::VARCHAR AND analyses.analysed_by = $2::VARCHAR ORDER BY analyses.user_id;

-- fleet_tenant
SELECT DISTINCT jobs.user_id 
FROM jobs 
WHERE jobs.state = 'failed' AND jobs.user_id = $1::VARCHAR ORDER BY jobs.user_id;

-- fleet_tenant
SELECT analysed_by, count(*) FROM analyses WHERE user_id = $1 GROUP BY analysed_by;

-- fleet_tenant
SELECT api_keys.status 
FROM api_keys 
WHERE api_keys.user_id = $1::VARCHAR AND api_keys.version = $2::BIGINT FOR UPDATE;

-- fleet_tenant
SELECT api_keys.user_id, api_keys.name, api_keys.status, api_keys.reason, api_keys.fingerprint, api_keys.version, api_keys.created_at, api_keys.checked_at, api_keys.last_used_at, api_keys.exhausted_until 
FROM api_keys 
WHERE api_keys.user_id = $1::VARCHAR;

-- fleet_tenant
SELECT bookmarks.id 
FROM bookmarks 
WHERE bookmarks.id = ANY ($1::BIGINT[]) AND (bookmarks.id = ANY ($2::BIGINT[]) OR NOT (EXISTS (SELECT analyses.bookmark_id 
FROM analyses 
WHERE analyses.bookmark_id = bookmarks.id)));

-- fleet_tenant
SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags, bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice, bookmarks.submitted_at, bookmarks.updated_at, contents.verdict AS content_verdict, contents.final_url AS content_final_url, contents.description AS content_description, contents.author AS content_author, contents.site_name AS content_site_name, contents.language AS content_language, contents.published AS content_published, contents.image AS content_image, contents.pages AS content_pages, contents.fetched_at AS content_fetched_at, contents.strategy AS content_strategy, contents.title AS content_title, contents.chars AS content_chars, contents.words AS content_words, analyses.key_concepts AS analysis_key_concepts, analyses.content_type AS analysis_content_type, analyses.difficulty AS analysis_difficulty, analyses.technologies AS analysis_technologies, analyses.learning_path AS analysis_learning_path, analyses.project_applicability AS analysis_project_applicability, analyses.skill_development AS analysis_skill_development, analyses.summary AS analysis_summary, analyses.analysed_by AS analysis_analysed_by, analyses.model AS analysis_model, analyses.key_source AS analysis_key_source, analyses.prompt_version AS analysis_prompt_version, analyses.chars_left_out AS analysis_chars_left_out, analyses.analysed_at AS analysis_analysed_at, analyses.prompt_tokens, analyses.answer_tokens, job.stage AS job_stage, job.state AS job_state, job.attempts AS job_attempts, job.ready_at AS job_ready_at, job.reason AS job_reason, lanes.paused, lanes.rest_until, lanes.rest_reason, statement_timestamp() AS now 
FROM bookmarks LEFT OUTER JOIN contents ON contents.bookmark_id = bookmarks.id LEFT OUTER JOIN analyses ON analyses.bookmark_id = bookmarks.id LEFT OUTER JOIN LATERAL (SELECT jobs.stage AS stage, jobs.state AS state, jobs.attempts AS attempts, jobs.ready_at AS ready_at, jobs.reason AS reason 
FROM jobs 
WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) DESC, CASE WHEN (jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR)) THEN CASE jobs.stage WHEN $4 THEN $5::INTEGER WHEN $6 THEN $7::INTEGER WHEN $8 THEN $9::INTEGER END END, jobs.id DESC 
 LIMIT $10::INTEGER) AS job ON true LEFT OUTER JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage 
WHERE bookmarks.state IN ('done', 'failed') AND bookmarks.user_id = $11::VARCHAR ORDER BY bookmarks.updated_at DESC 
 LIMIT $12::INTEGER;

-- fleet_tenant
SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags, bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice, bookmarks.submitted_at, bookmarks.updated_at, contents.verdict AS content_verdict, contents.final_url AS content_final_url, contents.description AS content_description, contents.author AS content_author, contents.site_name AS content_site_name, contents.language AS content_language, contents.published AS content_published, contents.image AS content_image, contents.pages AS content_pages, contents.fetched_at AS content_fetched_at, contents.strategy AS content_strategy, contents.title AS content_title, contents.chars AS content_chars, contents.words AS content_words, analyses.key_concepts AS analysis_key_concepts, analyses.content_type AS analysis_content_type, analyses.difficulty AS analysis_difficulty, analyses.technologies AS analysis_technologies, analyses.learning_path AS analysis_learning_path, analyses.project_applicability AS analysis_project_applicability, analyses.skill_development AS analysis_skill_development, analyses.summary AS analysis_summary, analyses.analysed_by AS analysis_analysed_by, analyses.model AS analysis_model, analyses.key_source AS analysis_key_source, analyses.prompt_version AS analysis_prompt_version, analyses.chars_left_out AS analysis_chars_left_out, analyses.analysed_at AS analysis_analysed_at, analyses.prompt_tokens, analyses.answer_tokens, job.stage AS job_stage, job.state AS job_state, job.attempts AS job_attempts, job.ready_at AS job_ready_at, job.reason AS job_reason, lanes.paused, lanes.rest_until, lanes.rest_reason, statement_timestamp() AS now 
FROM bookmarks LEFT OUTER JOIN contents ON contents.bookmark_id = bookmarks.id LEFT OUTER JOIN analyses ON analyses.bookmark_id = bookmarks.id LEFT OUTER JOIN LATERAL (SELECT jobs.stage AS stage, jobs.state AS state, jobs.attempts AS attempts, jobs.ready_at AS ready_at, jobs.reason AS reason 
FROM jobs 
WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) DESC, CASE WHEN (jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR)) THEN CASE jobs.stage WHEN $4 THEN $5::INTEGER WHEN $6 THEN $7::INTEGER WHEN $8 THEN $9::INTEGER END END, jobs.id DESC 
 LIMIT $10::INTEGER) AS job ON true LEFT OUTER JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage 
WHERE bookmarks.user_id = $11::VARCHAR AND bookmarks.id = $12::BIGINT;

-- fleet_tenant
SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags, bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice, bookmarks.submitted_at, bookmarks.updated_at, contents.verdict AS content_verdict, contents.final_url AS content_final_url, contents.description AS content_description, contents.author AS content_author, contents.site_name AS content_site_name, contents.language AS content_language, contents.published AS content_published, contents.image AS content_image, contents.pages AS content_pages, contents.fetched_at AS content_fetched_at, contents.strategy AS content_strategy, contents.title AS content_title, contents.chars AS content_chars, contents.words AS content_words, analyses.key_concepts AS analysis_key_concepts, analyses.content_type AS analysis_content_type, analyses.difficulty AS analysis_difficulty, analyses.technologies AS analysis_technologies, analyses.learning_path AS analysis_learning_path, analyses.project_applicability AS analysis_project_applicability, analyses.skill_development AS analysis_skill_development, analyses.summary AS analysis_summary, analyses.analysed_by AS analysis_analysed_by, analyses.model AS analysis_model, analyses.key_source AS analysis_key_source, analyses.prompt_version AS analysis_prompt_version, analyses.chars_left_out AS analysis_chars_left_out, analyses.analysed_at AS analysis_analysed_at, analyses.prompt_tokens, analyses.answer_tokens, job.stage AS job_stage, job.state AS job_state, job.attempts AS job_attempts, job.ready_at AS job_ready_at, job.reason AS job_reason, lanes.paused, lanes.rest_until, lanes.rest_reason, statement_timestamp() AS now 
FROM bookmarks LEFT OUTER JOIN contents ON contents.bookmark_id = bookmarks.id LEFT OUTER JOIN analyses ON analyses.bookmark_id = bookmarks.id LEFT OUTER JOIN LATERAL (SELECT jobs.stage AS stage, jobs.state AS state, jobs.attempts AS attempts, jobs.ready_at AS ready_at, jobs.reason AS reason 
FROM jobs 
WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) DESC, CASE WHEN (jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR)) THEN CASE jobs.stage WHEN $4 THEN $5::INTEGER WHEN $6 THEN $7::INTEGER WHEN $8 THEN $9::INTEGER END END, jobs.id DESC 
 LIMIT $10::INTEGER) AS job ON true LEFT OUTER JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage 
WHERE bookmarks.user_id = $11::VARCHAR AND bookmarks.id > $12::BIGINT ORDER BY bookmarks.id 
 LIMIT $13::INTEGER;

-- fleet_tenant
SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags, bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice, bookmarks.submitted_at, bookmarks.updated_at, contents.verdict AS content_verdict, contents.final_url AS content_final_url, contents.description AS content_description, contents.author AS content_author, contents.site_name AS content_site_name, contents.language AS content_language, contents.published AS content_published, contents.image AS content_image, contents.pages AS content_pages, contents.fetched_at AS content_fetched_at, contents.strategy AS content_strategy, contents.title AS content_title, contents.chars AS content_chars, contents.words AS content_words, analyses.key_concepts AS analysis_key_concepts, analyses.content_type AS analysis_content_type, analyses.difficulty AS analysis_difficulty, analyses.technologies AS analysis_technologies, analyses.learning_path AS analysis_learning_path, analyses.project_applicability AS analysis_project_applicability, analyses.skill_development AS analysis_skill_development, analyses.summary AS analysis_summary, analyses.analysed_by AS analysis_analysed_by, analyses.model AS analysis_model, analyses.key_source AS analysis_key_source, analyses.prompt_version AS analysis_prompt_version, analyses.chars_left_out AS analysis_chars_left_out, analyses.analysed_at AS analysis_analysed_at, analyses.prompt_tokens, analyses.answer_tokens, job.stage AS job_stage, job.state AS job_state, job.attempts AS job_attempts, job.ready_at AS job_ready_at, job.reason AS job_reason, lanes.paused, lanes.rest_until, lanes.rest_reason, statement_timestamp() AS now 
FROM bookmarks LEFT OUTER JOIN contents ON contents.bookmark_id = bookmarks.id LEFT OUTER JOIN analyses ON analyses.bookmark_id = bookmarks.id LEFT OUTER JOIN LATERAL (SELECT jobs.stage AS stage, jobs.state AS state, jobs.attempts AS attempts, jobs.ready_at AS ready_at, jobs.reason AS reason 
FROM jobs 
WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR) DESC, CASE WHEN (jobs.state IN ($1::VARCHAR, $2::VARCHAR, $3::VARCHAR)) THEN CASE jobs.stage WHEN $4 THEN $5::INTEGER WHEN $6 THEN $7::INTEGER WHEN $8 THEN $9::INTEGER END END, jobs.id DESC 
 LIMIT $10::INTEGER) AS job ON true LEFT OUTER JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage 
WHERE bookmarks.user_id = $11::VARCHAR ORDER BY bookmarks.id 
 LIMIT $12::INTEGER;

-- fleet_tenant
SELECT bookmarks.url_digest, bookmarks.id 
FROM bookmarks 
WHERE bookmarks.user_id = $1::VARCHAR AND bookmarks.url_digest IN ($2::VARCHAR);

-- fleet_tenant
SELECT bookmarks.url_digest, bookmarks.id 
FROM bookmarks 
WHERE bookmarks.user_id = $1::VARCHAR AND bookmarks.url_digest IN (NULL) AND (1 != 1);

-- fleet_tenant
SELECT coalesce(sum(provider_calls.weight), $1::INTEGER) AS calls, coalesce(sum(provider_calls.prompt_tokens), $2::INTEGER) AS prompt, coalesce(sum(provider_calls.answer_tokens), $3::INTEGER) AS answer, max(provider_calls.started_at) AS last_used, coalesce(sum(provider_calls.cost_micros), $4::INTEGER) AS cost_micros 
FROM provider_calls 
WHERE provider_calls.started_at >= $5::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $6::VARCHAR AND provider_calls.user_id = $7::VARCHAR;

-- fleet_tenant
SELECT coalesce(sum(provider_calls.weight), $1::INTEGER) AS calls, coalesce(sum(provider_calls.prompt_tokens), $2::INTEGER) AS prompt, coalesce(sum(provider_calls.answer_tokens), $3::INTEGER) AS answer, max(provider_calls.started_at) AS last_used, coalesce(sum(provider_calls.cost_micros), $4::INTEGER) AS cost_micros 
FROM provider_calls 
WHERE provider_calls.started_at >= $5::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $6::VARCHAR AND provider_calls.user_id = $7::VARCHAR AND provider_calls.key_source = $8::VARCHAR;

-- fleet_tenant
SELECT count(*) AS count_1 
FROM (SELECT jobs.id AS id 
FROM jobs 
WHERE jobs.stage = $1::VARCHAR AND jobs.user_id = $2::VARCHAR AND jobs.state = 'queued' 
 LIMIT $3::INTEGER) AS anon_1;

-- fleet_tenant
SELECT count(*) FILTER (WHERE submitted_at >= $1)
      FROM (SELECT submitted_at FROM bookmarks WHERE user_id = $2 ORDER BY id DESC LIMIT $3) AS newest;

-- fleet_tenant
SELECT jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.error_code, jobs.error, jobs.ended_at, bookmarks.url, bookmarks.advice 
FROM jobs JOIN bookmarks ON bookmarks.id = jobs.bookmark_id 
WHERE jobs.state = 'failed' AND jobs.user_id = $1::VARCHAR ORDER BY jobs.id DESC 
 LIMIT $2::INTEGER;

-- fleet_tenant
SELECT lanes.stage 
FROM lanes 
WHERE lanes.user_id = $1::VARCHAR 
 LIMIT $2::INTEGER FOR KEY SHARE;

-- fleet_tenant
SELECT lanes.user_id 
FROM lanes 
WHERE lanes.user_id = $1::VARCHAR 
 LIMIT $2::INTEGER;

-- fleet_tenant
SELECT lanes.user_id, lanes.stage, lanes.paused, lanes.rest_until, lanes.rest_reason,
               statement_timestamp() AS now, next.ready_at, next.reason, queued.jobs AS queued,
               out.released, out.running
          FROM (SELECT * FROM lanes WHERE user_id = $1) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued') AS queued
         CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE state = 'released') AS released,
                          count(*) FILTER (WHERE state = 'running') AS running FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT ready_at, reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY ready_at, id LIMIT 1) AS next ON true
         ORDER BY lanes.user_id, lanes.stage DESC;

-- fleet_tenant
SELECT learned_limits."window", learned_limits.calls, learned_limits.source, learned_limits.learned_at, learned_limits.until 
FROM learned_limits 
WHERE learned_limits.account = $1::VARCHAR;

-- fleet_tenant
SELECT now() AS now_1;

-- fleet_tenant
SELECT provider_calls.started_at, provider_calls.weight 
FROM provider_calls 
WHERE provider_calls.started_at >= $1::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $2::VARCHAR AND provider_calls.user_id = $3::VARCHAR AND provider_calls.key_source = $4::VARCHAR ORDER BY provider_calls.started_at, provider_calls.id;

-- fleet_tenant
SELECT provider_calls.started_at, provider_calls.weight 
FROM provider_calls 
WHERE provider_calls.started_at >= $1::TIMESTAMP WITH TIME ZONE AND provider_calls.outcome != $2::VARCHAR AND provider_calls.user_id = $3::VARCHAR ORDER BY provider_calls.started_at, provider_calls.id;

-- fleet_tenant
SELECT receipts.digest, receipts.answer 
FROM receipts 
WHERE receipts.user_id = $1::VARCHAR AND receipts.source = $2::VARCHAR AND receipts.key = $3::VARCHAR;

-- fleet_tenant
SELECT state, count(*) FROM bookmarks WHERE user_id = $1 GROUP BY state;

-- fleet_tenant
SELECT user_id, stage FROM lanes WHERE user_id = ANY(CAST($1 AS text[]))
     ORDER BY user_id, stage DESC FOR NO KEY UPDATE;

-- fleet_tenant
SELECT user_limits.minute, user_limits.day, user_limits.month 
FROM user_limits 
WHERE user_limits.user_id = $1::VARCHAR;

-- fleet_tenant
SELECT user_preferences.language 
FROM user_preferences 
WHERE user_preferences.user_id = $1::VARCHAR;

-- fleet_tenant
UPDATE api_keys SET last_used_at=now() WHERE api_keys.user_id = $1::VARCHAR;

-- fleet_tenant
UPDATE api_keys SET status=$1::VARCHAR, reason=$2::VARCHAR, checked_at=now(), exhausted_until=$3::TIMESTAMP WITH TIME ZONE WHERE api_keys.user_id = $4::VARCHAR AND api_keys.version = $5::BIGINT;

-- fleet_tenant
UPDATE bookmarks SET state='done', updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($1::BIGINT[]) AND bookmarks.state = 'queued' AND (EXISTS (SELECT contents.bookmark_id 
FROM contents 
WHERE contents.bookmark_id = bookmarks.id AND contents.user_id = bookmarks.user_id AND contents.strategy != $2::VARCHAR));

-- fleet_tenant
UPDATE bookmarks SET state='failed', error_code=$1::VARCHAR, error=$2::VARCHAR, advice=$3::VARCHAR, updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($4::BIGINT[]) AND NOT (EXISTS (SELECT contents.bookmark_id 
FROM contents 
WHERE contents.bookmark_id = bookmarks.id AND contents.strategy = $5::VARCHAR)) RETURNING bookmarks.id;

-- fleet_tenant
UPDATE bookmarks SET state='failed', error_code=$1::VARCHAR, error=$2::VARCHAR, advice=$3::VARCHAR, updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($4::BIGINT[]) RETURNING bookmarks.id;

-- fleet_tenant
UPDATE bookmarks SET state='queued', error_code=$1::VARCHAR, error=$2::VARCHAR, advice=$3::VARCHAR, updated_at=statement_timestamp() WHERE bookmarks.id = ANY ($4::BIGINT[]);

-- fleet_tenant
UPDATE jobs SET ready_at=(statement_timestamp() + anon_1.time) FROM unnest($1::BIGINT[], $2::INTERVAL[]) AS anon_1(id, time) WHERE jobs.id = anon_1.id;

-- fleet_tenant
UPDATE jobs SET ready_at=statement_timestamp(), reason=$1::VARCHAR WHERE jobs.stage = $2::VARCHAR AND jobs.user_id = $3::VARCHAR AND jobs.state = 'queued' AND jobs.ready_at > statement_timestamp() AND jobs.reason IN ($4::VARCHAR);

-- fleet_tenant
UPDATE jobs SET state='cancelled', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, ended_at=statement_timestamp() WHERE jobs.bookmark_id = ANY ($4::BIGINT[]) AND jobs.id != ALL ($5::BIGINT[]) AND jobs.state IN ('queued', 'released', 'running', 'failed');

-- fleet_tenant
UPDATE jobs SET state='cancelled', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, ended_at=statement_timestamp() WHERE jobs.bookmark_id = ANY ($4::BIGINT[]) AND jobs.stage = $5::VARCHAR AND jobs.state IN ('queued', 'running', 'failed');

-- fleet_tenant
UPDATE jobs SET state='done', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, ended_at=statement_timestamp() FROM unnest($4::BIGINT[], $5::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE jobs SET state='failed', attempts=(jobs.attempts + $1::SMALLINT), reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, error_code=$5::VARCHAR, error=$6::VARCHAR, ended_at=statement_timestamp() FROM unnest($7::BIGINT[], $8::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE jobs SET state='queued', attempts=$1::SMALLINT, ready_at=statement_timestamp(), reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, error_code=$5::VARCHAR, error=$6::VARCHAR, claimed_at=$7::TIMESTAMP WITH TIME ZONE, ended_at=$8::TIMESTAMP WITH TIME ZONE WHERE jobs.id = ANY ($9::BIGINT[]);

-- fleet_tenant
UPDATE jobs SET state='queued', attempts=(jobs.attempts + $1::SMALLINT), reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, error_code=$5::VARCHAR, error=$6::VARCHAR, claimed_at=$7::TIMESTAMP WITH TIME ZONE FROM unnest($8::BIGINT[], $9::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE jobs SET state='queued', ready_at=$1::TIMESTAMP WITH TIME ZONE, reason=$2::VARCHAR, token=$3::VARCHAR, lease_until=$4::TIMESTAMP WITH TIME ZONE, claimed_at=$5::TIMESTAMP WITH TIME ZONE FROM unnest($6::BIGINT[], $7::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE jobs SET state='queued', reason=$1::VARCHAR, replaces=true, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, claimed_at=$4::TIMESTAMP WITH TIME ZONE FROM unnest($5::BIGINT[], $6::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE jobs SET state='queued', reason=$1::VARCHAR, token=$2::VARCHAR, lease_until=$3::TIMESTAMP WITH TIME ZONE, claimed_at=$4::TIMESTAMP WITH TIME ZONE FROM unnest($5::BIGINT[], $6::TEXT[]) AS anon_1(id, token) WHERE jobs.id = anon_1.id AND jobs.token = anon_1.token AND jobs.state = 'running' RETURNING jobs.id;

-- fleet_tenant
UPDATE lanes
           SET state = derived.state,
               reason = CASE WHEN derived.state = 'asleep' THEN derived.reason END,
               wake_at = CASE WHEN derived.state = 'asleep' THEN derived.wake_at END,
               last_served_at = coalesce(
                   statement_timestamp() + NULL::bigint * interval '1 microsecond', lanes.last_served_at)
          FROM (
        SELECT lanes.user_id, lanes.stage,
               CASE WHEN next.ready_at IS NULL THEN 'idle'
                    WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                    WHEN out.jobs >= coalesce(CAST(CAST($1 AS jsonb) ->> lanes.stage AS int), 0) THEN 'full'
                    WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                    ELSE 'ready' END AS state,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                    ELSE coalesce(next.reason, 'backoff') END AS reason,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                    ELSE next.ready_at END AS wake_at
          FROM (SELECT * FROM lanes WHERE user_id = $2) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT jobs.ready_at, jobs.reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
    ) AS derived
         WHERE lanes.user_id = derived.user_id AND lanes.stage = derived.stage
           AND (NULL::bigint IS NOT NULL
                OR lanes.state <> derived.state
                OR derived.state = 'asleep'
                   AND (lanes.reason, lanes.wake_at) IS DISTINCT FROM (derived.reason, derived.wake_at));

-- fleet_tenant
UPDATE lanes SET paused=$1 WHERE lanes.user_id = $2::VARCHAR;

-- fleet_tenant
UPDATE lanes SET rest_until = $1, rest_reason = $2,
                     waits_since = CASE WHEN NOT $3 THEN NULL
                                        WHEN lanes.rest_until > statement_timestamp() - CAST($4 AS interval)
                                        THEN coalesce(lanes.waits_since, statement_timestamp())
                                        ELSE statement_timestamp() END
      FROM (SELECT rest_until, rest_reason FROM lanes WHERE user_id = $5 AND stage = $6) AS before
     WHERE user_id = $5 AND stage = $6 AND (lanes.rest_until IS NULL OR lanes.rest_until < $1)
    RETURNING before.rest_until > statement_timestamp() AND before.rest_reason = $2 AS rested_already;

-- fleet_tenant
UPDATE lanes SET rest_until=statement_timestamp(), rest_reason=$1::VARCHAR WHERE lanes.user_id = $2::VARCHAR AND lanes.stage = $3::VARCHAR AND lanes.rest_until > statement_timestamp() AND lanes.rest_reason IN ($4::VARCHAR);

-- fleet_tenant
UPDATE lanes SET waits_since = NULL
     WHERE user_id = $1 AND stage = $2 AND waits_since IS NOT NULL AND rest_until <= statement_timestamp();

-- fleet_tenant
WITH mine AS (
        SELECT id, bookmark_id, ready_at FROM jobs
         WHERE stage = $1 AND user_id = $2 AND state = 'queued' ORDER BY ready_at, id LIMIT $3),
    behind AS (
        SELECT mine.id, CAST($4 AS timestamptz)
                        + CAST($5 AS interval) * row_number() OVER (ORDER BY mine.ready_at, mine.id) AS turn
          FROM mine JOIN bookmarks ON bookmarks.id = mine.bookmark_id
         WHERE mine.id <> $6 AND split_part(bookmarks.url, '/', 3) = split_part($7, '/', 3))
    UPDATE jobs SET ready_at = behind.turn, reason = 'host_busy'
      FROM behind WHERE jobs.id = behind.id AND jobs.ready_at < behind.turn;
