// The page: its head, what is wrong if anything is, and one of three views.
import { useEffect, useState } from 'preact/hooks';
import { Build } from './build.tsx';
import { Builds } from './builds.tsx';
import { Charts } from './charts.tsx';
import { type Feed, listen } from './feed.ts';
import { History } from './history.tsx';
import { type Place, usePlace } from './place.ts';
import { Pool } from './pool.tsx';
import { useTheme } from './theme.ts';

export function App() {
  const [feed, setFeed] = useState<Feed>();
  const place = usePlace();
  const { choice, theme, next } = useTheme();
  useEffect(() => listen(setFeed), []);
  const { now, state = 'connecting' } = feed ?? {};
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        To the content
      </button>
      <header class="top">
        <h1>
          <Mark /> stint
        </h1>
        {now && (
          <p class="where">
            {now.machine.host} <span class="muted">{now.pool.daemon.mount ?? now.pool.daemon.socket}</span>
          </p>
        )}
        <State state={state} />
        <button type="button" class="theme" onClick={next} aria-label={`Theme: ${choice}. Change it`}>
          <span aria-hidden="true">{{ auto: '◐', light: '☀', dark: '☾' }[choice]}</span> {choice}
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {feed && <Trouble feed={feed} />}
        {feed && <View feed={feed} place={place} theme={theme} />}
      </main>
    </>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <rect class="m0" x="1" y="2" width="9" height="3" rx="1" />
      <rect class="m1" x="1" y="6.5" width="14" height="3" rx="1" />
      <rect class="m2" x="6" y="11" width="9" height="3" rx="1" />
    </svg>
  );
}

const STATES: Record<Feed['state'], string> = {
  connecting: 'connecting',
  live: 'live',
  gone: 'no daemon',
  silent: 'no answer',
  ended: 'ended',
};

function State({ state }: { state: Feed['state'] }) {
  return (
    <p class={`state ${state}`} role="status">
      <span aria-hidden="true" class="dot" />
      {STATES[state]}
    </p>
  );
}

function Trouble({ feed: { state, reason, now } }: { feed: Feed }) {
  if (state === 'live' || state === 'connecting') return null;
  const old = now === undefined ? '' : ' What is below is from before.';
  return (
    <div class="trouble" role="alert">
      {state === 'gone' && (
        <p>
          <b>The daemon does not answer:</b> {reason}. It is looked for every second.{old}
        </p>
      )}
      {state === 'silent' && (
        <p>
          <b>No answer from stint web.</b> The page goes on as soon as there is one.{old}
        </p>
      )}
      {state === 'ended' && (
        <p>
          <b>stint web does not know this page any more.</b> Open the address that it has printed last.{old}
        </p>
      )}
    </div>
  );
}

function View({ feed, place, theme }: { feed: Feed; place: Place; theme: string }) {
  const { now, ticks, palette, state } = feed;
  if (now === undefined) return state === 'connecting' ? <p class="empty">Asking the daemon …</p> : null;
  const { pool } = now;
  const old = state !== 'live';
  if (place.view === 'build') {
    const { id, ended } = place;
    const live = ended === undefined ? pool.builds.find((build) => build.id === id) : undefined;
    return (
      <div class={old ? 'old' : ''}>
        <Build
          key={`${id} ${ended}`}
          id={id}
          ended={ended}
          live={live}
          time={pool.time}
          tint={palette.of(id)}
          theme={theme}
        />
      </div>
    );
  }
  return (
    <div class={old ? 'old' : ''}>
      <Pool {...now} palette={palette} />
      <Charts ticks={ticks} theme={theme} />
      <section class="card" aria-label="Builds">
        <nav class="tabs" aria-label="Builds">
          <a href="#/" aria-current={place.view === 'builds' ? 'page' : undefined}>
            Builds <span class="muted">{pool.builds.length}</span>
          </a>
          <a href="#/history" aria-current={place.view === 'history' ? 'page' : undefined}>
            History
          </a>
        </nav>
        {place.view === 'builds' ? <Builds pool={pool} palette={palette} /> : <History />}
      </section>
    </div>
  );
}
