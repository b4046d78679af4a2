/* How a change of an account reaches its store. Change n of N raises the account's version to n, touches one of two aspects, and puts
 * its event into the outbox in the same transaction. docs/model.md says which process is which file. */
#ifndef N
#define N 2
#endif
#ifndef RELAYS
#define RELAYS 2
#endif
#ifndef BUDGET
#define BUDGET 1
#endif
#ifdef ONE_ASPECT
#define ASPECT(n) 0
#else
#define ASPECT(n) ((n) % 2)
#endif
#define MAX(a, b) ((a) > (b) -> (a) : (b))

mtype = { absent, pending, processing, completed };

/* The Admin DB. */
byte version;
byte touched[2];            /* the version at which an aspect was changed last */
mtype row[N + 1] = absent;
byte token[N + 1];          /* the claim; a new one each time */
bool orphan[N + 1];         /* its holder died: the lease will run out */
byte crashes = BUDGET;           /* deaths and lapsed leases that may still come */
byte lapses = RELAYS - 1;
bool allChanged;

/* Temporal: signals that were taken and not handled yet. */
chan signals = [N + 2] of { byte };

/* The store: the version that each aspect shows. */
byte store[2];

/* An activity's tries. One whose time is up may still be at work while the next one runs. */
byte lost = BUDGET;              /* answers that may still get lost, and tries that may still fail */
chan answers = [2] of { byte, byte };   /* try, version that it read; 0 for a failure */
byte news[N + 1];           /* how often an event was taken for news */

active proctype Admin() {
  byte n;
  do
  :: version < N ->
#ifdef PUBLISH_APART
    atomic { version++; n = version; touched[ASPECT(n)] = n };
    if
    :: atomic { crashes > 0 -> crashes-- }
    :: row[n] = pending
    fi
#elif defined(PUBLISH_BEFORE_COMMIT)
    n = version + 1;
    row[n] = pending;
    atomic { version = n; touched[ASPECT(n)] = n }
#else
    atomic { version++; n = version; touched[ASPECT(n)] = n; row[n] = pending }
#endif
  :: version == N -> break
  od;
  allChanged = true
}

/* Two relays: claim with SKIP LOCKED, signal, mark by token. */
#define DUE(i) (row[i] == pending || (row[i] == processing && (orphan[i] || lapses > 0)))
#define DIE(i) atomic { crashes > 0 && token[i] == mine -> crashes--; orphan[i] = true }

active [RELAYS] proctype Relay() {
  byte i, mine;
again:
  do
  :: atomic {
       i = 1;
       do
       :: i <= N && !DUE(i) -> i++
       :: i <= N && DUE(i) -> break
       :: i > N -> break
       od;
       if
       :: i > N -> i = 0; goto idle
       :: else ->
         if
         :: row[i] == processing && !orphan[i] -> lapses--
         :: else
         fi;
         row[i] = processing; orphan[i] = false; token[i]++; mine = token[i]
       fi
     };
#ifdef MARK_BEFORE_SIGNAL
     atomic { if :: row[i] == processing && token[i] == mine -> row[i] = completed :: else fi };
     if
     :: atomic { crashes > 0 -> crashes-- }; goto again
     :: signals ! i
     fi
#else
     if
     :: DIE(i); goto again
     :: signals ! i
     fi;
     if
     :: DIE(i); goto again
     :: atomic { if :: row[i] == processing && token[i] == mine -> row[i] = completed :: else fi }
     fi
#endif
     i = 0; mine = 0; goto again
idle:
     /* Nothing is due: wait until something is. */
end_idle:
     atomic { (DUE(1) || DUE(2) || DUE(N)) -> skip }
  od
}

/* One try of apply-aspects: reads the account, writes each aspect that it was asked for behind its fence, answers what it read. */
proctype Try(byte id; bool zero; bool one) {
  byte read;
  if
  :: atomic { lost > 0 -> lost-- }; answers ! id, 0; goto done
  :: read = version
  fi;
  if
  :: zero -> atomic { 
#ifdef FENCE_DROPPED
      true;
#else
      if :: read <= store[0] -> goto second :: else fi;
#endif
      assert(read >= store[0]); store[0] = read }
  :: else
  fi;
second:
  if
  :: one -> atomic {
#ifdef FENCE_DROPPED
      true;
#else
      if :: read <= store[1] -> goto wrote :: else fi;
#endif
      assert(read >= store[1]); store[1] = read }
  :: else
  fi;
wrote:
#ifdef ANSWER_NEWEST
  read = version;
#endif
  answers ! id, read;
done:
  skip
}

/* The workflow: one loop; signals only enqueue, also while an apply is under way. */
active proctype Account() {
  byte dirty[2], applied[2], asked[2], k, id, answered, got;
  bool seen[N + 1];
  byte continues = 1;
  byte a;
#define RECEIVE \
  atomic { signals ? k -> \
    if :: !seen[k] -> seen[k] = true; news[k]++; assert(news[k] == 1); \
       if :: k > applied[ASPECT(k)] -> dirty[ASPECT(k)] = MAX(k, dirty[ASPECT(k)]) :: else fi \
    :: else fi; k = 0 }

end_loop:
  do
  :: RECEIVE
  :: atomic { (dirty[0] > 0 || dirty[1] > 0) ->
       asked[0] = dirty[0]; asked[1] = dirty[1]; id = id + 1;
       run Try(id, asked[0] > 0, asked[1] > 0) };
     do
     :: RECEIVE
     :: atomic { answers ? answered, got ->
          if
          :: answered != id -> skip                        /* of a try that was given up: nobody listens */
#ifdef FAILED_IS_DONE
          :: answered == id && got == 0 -> dirty[0] = 0; dirty[1] = 0; break
#else
          :: answered == id && got == 0 -> break           /* stays dirty */
#endif
          :: answered == id && got > 0 ->
             a = 0;
             do
             :: a < 2 ->
#ifdef NOTE_WHAT_IS_DIRTY
               if :: dirty[a] > 0 -> applied[a] = MAX(got, applied[a]); if :: dirty[a] <= got -> dirty[a] = 0 :: else fi :: else fi;
#elif defined(CLEAR_ALL)
               applied[a] = (asked[a] > 0 -> MAX(got, applied[a]) : applied[a]); dirty[a] = 0;
#else
               if
               :: asked[a] > 0 ->
                 applied[a] = MAX(got, applied[a]);
                 if
                 :: dirty[a] <= got -> dirty[a] = 0
                 :: dirty[a] > got && dirty[a] == asked[a] -> dirty[a] = 0   /* ahead of the Admin DB: parked */
                 :: else
                 fi
               :: else
               fi;
#endif
               a++
             :: a >= 2 -> break
             od;
             break
          fi }
     :: atomic { lost > 0 -> lost--; break }               /* its time is up; it may still be at work */
     od;
     atomic { asked[0] = 0; asked[1] = 0; a = 0; answered = 0; got = 0 }
  /* Continue as new. Temporal refuses it while a signal waits. */
#ifdef CONTINUE_OVER_SIGNALS
  :: atomic { continues > 0 -> continues--; do :: signals ? k :: empty(signals) -> break od; k = 0 }
#else
  :: atomic { continues > 0 && empty(signals) -> continues--;
#ifdef SEEN_NOT_CARRIED
       k = 0; do :: k < N -> k++; seen[k] = false :: k >= N -> break od; k = 0;
#endif
#ifdef DIRTY_NOT_CARRIED
       dirty[0] = 0; dirty[1] = 0;
#endif
       skip }
#endif
  od
}

#define SHOWN (store[0] >= touched[0] && store[1] >= touched[1])
#ifdef LIVENESS
/* Whatever happens, in the end the store shows every change. */
ltl told { [] (allChanged -> <> SHOWN) }
#else
/* When nothing is left to do, the store shows every change: no event is lost, and nothing stale stands. */
active proctype Judge() {
end_judge:
  timeout -> assert(allChanged && SHOWN)
}
#endif
