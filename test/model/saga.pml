/* An onboarding around its pivot: one step on the Admin DB (claim-slug), one on the cluster (upsert-client), activate, publish-store.
 * A try of an activity may end late, fail, or lose its answer. docs/model.md says which process is which file. */
#ifndef BUDGET
#define BUDGET 2
#endif
mtype = { running, parked, compensating, compensated, completed };
mtype = { claimSlug, upsertClient, activate, publishStore, undoSlug, undoClient, beginUndo };
mtype = { done, failed, rejected, live };

/* The Admin DB. */
mtype job = running;
bool undoBegan, activated, claimed;
/* The cluster. */
bool row, tombstone, published;

byte trouble = BUDGET;          /* tries that may still fail, lose their answer, or come late */
bool cancelled;                 /* an operator's cancel, or money that went back */
bool ended, abandoned;
/* What the user sees: once the account was live, its store is never taken away. */
bool undoneAfterPivot;

chan answers = [4] of { byte, mtype };

/* What one try does, as one statement. */
inline effect(act, result) {
  atomic {
    result = done;
    if
    :: act == claimSlug ->
#ifndef CLAIM_UNGATED
      if :: undoBegan || job == compensating || job == compensated || job == completed -> result = rejected :: else -> claimed = true fi
#else
      claimed = true
#endif
    :: act == upsertClient ->
#ifndef TOMBSTONE_DROPPED
      if :: tombstone -> result = rejected :: else -> row = true fi
#else
      row = true
#endif
    :: act == activate ->
      if
      :: activated -> skip
#ifdef ACTIVATE_UNGATED
      :: !activated -> activated = true
#elif defined(GATE_BY_STATUS)
      :: !activated && (job == running || job == parked) -> activated = true
      :: !activated && !(job == running || job == parked) -> result = rejected
#else
      :: !activated && (job == running || job == parked) && !undoBegan -> activated = true
      :: !activated && !((job == running || job == parked) && !undoBegan) -> result = rejected
#endif
      fi
    :: act == publishStore -> if :: row -> published = true :: else -> result = rejected fi
    :: act == undoSlug -> claimed = false; if :: activated -> undoneAfterPivot = true :: else fi
    :: act == undoClient ->
      if
      :: published -> result = rejected
      :: else -> row = false; tombstone = true; if :: activated -> undoneAfterPivot = true :: else fi
      fi
    :: act == beginUndo ->
      if
      :: activated -> result = live
      :: else -> job = compensating; undoBegan = true
      fi
    fi;
    assert(!undoneAfterPivot)
  }
}

/* One try of an activity; `late` ones go on after the run gave them up. */
proctype Try(byte id; mtype act) {
  mtype result;
  if
  :: atomic { trouble > 0 -> trouble--; result = failed }              /* fails before */
  :: effect(act, result);
     if
     :: skip
     :: atomic { trouble > 0 -> trouble--; result = failed }           /* its answer is lost */
     fi
  fi;
  atomic { answers ! id, result; id = 0 }
}

/* A call of an activity: a try, which may be given up while it is still at work. Another one follows after a park, as after a wait. */
byte tries;
inline call(act, result) {
  again = 0; result = failed;
  do
  :: again < 1 && result == failed ->
     atomic { again++; tries++; run Try(tries, act) };
     do
     :: atomic { answers ? from, got -> if :: from == tries -> result = got; break :: else fi }
     :: atomic { trouble > 0 -> trouble--; break }                       /* its time is up */
     od
  :: else -> break
  od;
  atomic { again = 0; from = 0; got = 0 }
}

active proctype Run() {
  byte again, from;
  mtype got, result;
  bool undoesSlug, undoesClient, pastPivot, givesUp;

/* A step before the pivot: its undo is registered before it acts. What fails for good aborts; what may pass is parked. */
#define STEP(act, registered) \
  do \
  :: call(act, result); \
     if \
     :: result == done -> break \
     :: result == rejected -> goto backward \
     :: result == failed -> \
       job = (job == compensated || job == completed -> job : parked); \
       if :: skip :: goto backward fi;  /* an operator: retry, or compensate */ \
       job = running \
     fi \
  od

#ifndef REGISTERED_LATE
  undoesSlug = true;
#endif
  STEP(claimSlug, undoesSlug);
#ifdef REGISTERED_LATE
  undoesSlug = true;
#endif
  if :: cancelled -> goto backward :: skip fi;
#ifndef REGISTERED_LATE
  undoesClient = true;
#endif
  STEP(upsertClient, undoesClient);
#ifdef REGISTERED_LATE
  undoesClient = true;
#endif
  if :: cancelled -> goto backward :: else fi;     /* the last safe point */
  STEP(activate, pastPivot);

forward:
  pastPivot = true;
  do
  :: call(publishStore, result);
     if :: result == done -> break :: else -> job = parked; job = running fi     /* parks until it is done: retry */
  od;
  job = completed; ended = true;
  goto over;

backward:
#ifndef UNDO_AFTER_PIVOT
  /* begin-undo is tried until it answers: an activate whose answer was lost may have happened. */
  do
  :: call(beginUndo, result);
     if :: result == done -> break :: result == live -> goto forward :: else fi
  od;
#else
  job = compensating; undoBegan = true;
#endif
#ifdef CANCELLED_UNDO
  if :: cancelled -> goto gaveUp :: else fi;
#endif
  do
  :: undoesClient ->
     call(undoClient, result);
     if
     :: result == done -> undoesClient = false
     :: else ->
#ifdef UNDO_SWALLOWED
        undoesClient = false
#else
        job = parked;
        if :: skip :: givesUp = true; abandoned = true fi;      /* an operator: retry, or skip, which is on record */
        job = compensating;
        if :: givesUp -> undoesClient = false; givesUp = false :: else fi
#endif
     fi
  :: !undoesClient -> break
  od;
  do
  :: undoesSlug ->
     call(undoSlug, result);
     if
     :: result == done -> undoesSlug = false
     :: else -> job = parked; job = compensating
     fi
  :: !undoesSlug -> break
  od;
gaveUp:
  job = compensated; ended = true;
over:
  /* Tries that were given up answer to nobody. */
end_over:
  do :: answers ? from, got od
}

active proctype Operator() {
  if :: cancelled = true :: skip fi
}

/* When nothing is left to do: a store that is open, or nothing left behind unless an operator gave it up. */
active proctype Judge() {
end_judge:
  timeout -> assert(ended);
  assert(job != completed || (activated && published && row && claimed));
  assert(job != compensated || (!activated && !published && !claimed && (!row || abandoned)))
}
