/* One payment's money: the intents in `refunds`, the workflow that sends and follows them, tries that come late, an operator who decides,
 * and Mercado Pago, which knows a try by its key. docs/model.md says which process is which file. */
#ifndef INTENTS
#define INTENTS 2
#endif
#ifndef BUDGET
#define BUDGET 3
#endif
mtype = { absent, asked, wanted, approved, rejected, kept, notNeeded };
mtype = { no, yes, refused };

/* The Admin DB: one intent after another; intent n + 1 is the question after a rejected intent n. */
mtype intent[INTENTS] = absent;
byte sends[INTENTS];            /* tries that were counted */
/* Mercado Pago. It answers a key that it knows as it did then; it is not trusted to refuse a second sum. */
mtype known[INTENTS * 3] = no;
byte paidBack;                  /* refunds that it made */
byte refusals = 1;

byte trouble = BUDGET;
bool over;

#define CURRENT ((intent[INTENTS - 1] != absent) -> INTENTS - 1 : 0)

/* send-refund: reads the payment, counts the try, sends under the intent's key, writes down what came of it. */
proctype Send(byte n; chan answer; byte attempt) {
  byte k;
  mtype said = no;
  if
  :: intent[n] != wanted -> goto done
  :: atomic { trouble > 0 -> trouble--; goto done }
  :: else
  fi;
  /* What went back already, by whatever way, is not sent again: it is found among the refunds of the payment. */
  if
  :: atomic { paidBack > 0 ->
       if :: intent[n] == wanted -> intent[n] = (sends[n] > 0 -> approved : notNeeded) :: else fi };
     goto done
  :: else
  fi;
#ifdef TRY_UNGATED
  sends[n] = sends[n] + 1;
#else
  atomic { if :: intent[n] == wanted -> sends[n] = (sends[n] < 3 -> sends[n] + 1 : 3) :: else -> goto done fi };
#endif
  k = n;
#ifdef REFUND_KEY_NEW
  k = n + INTENTS * (attempt % 3);
#endif
  /* The call is on its way. */
  atomic {
    if
    :: known[k] != no -> said = known[k]
    :: known[k] == no && refusals > 0 ->
       refusals--; said = refused;
#ifndef REFUSAL_FORGOTTEN
       known[k] = refused
#endif
    :: known[k] == no -> known[k] = yes; said = yes; paidBack++
    fi;
    assert(paidBack <= 1);
    assert(intent[0] != kept)
  };
  if
  :: atomic { trouble > 0 -> trouble--; goto done }        /* the answer is lost */
  :: skip
  fi;
  atomic {
    if :: intent[n] == wanted ->
      intent[n] = (said == yes -> approved : rejected);
      if :: said == refused && n + 1 < INTENTS && intent[n + 1] == absent -> intent[n + 1] = asked :: else fi
    :: else
    fi
  };
done:
  answer ! attempt
}

chan answers = [4] of { byte };

active proctype Workflow() {
  byte n, attempt, from;
  intent[0] = asked;
end_workflow:
  do
  :: atomic { CURRENT != n -> n = CURRENT }
  :: intent[n] == wanted ->
     atomic { attempt++; run Send(n, answers, attempt) };
     do
     :: atomic { answers ? from -> if :: from == attempt -> break :: else fi }
     :: atomic { trouble > 0 -> trouble--; break }          /* its time is up; it may still be at work */
     od;
     from = 0
  :: CURRENT == n && (intent[n] == approved || intent[n] == kept || intent[n] == notNeeded || intent[n] == rejected) -> break
  od;
  over = true;
end_over:
  do :: answers ? from od
}

active proctype Operator() {
end_operator:
  do
  :: atomic { intent[CURRENT] == asked ->
       if :: intent[CURRENT] = wanted :: intent[CURRENT] = kept fi }
#ifdef KEEP_ANY
  :: atomic { intent[CURRENT] == wanted -> intent[CURRENT] = kept }
#else
  :: atomic { intent[CURRENT] == wanted && sends[CURRENT] == 0 -> intent[CURRENT] = kept }
#endif
  :: atomic { over -> break }
  od
}

/* When nothing is left to do: what the row says of the money is what happened to it. */
active proctype Judge() {
end_judge:
  timeout -> assert(over);
  assert((intent[CURRENT] == approved) == (paidBack == 1) || intent[CURRENT] == notNeeded);
  assert(intent[CURRENT] != kept || paidBack == 0)
}
