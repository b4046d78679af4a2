#!/bin/sh
# The namespace and the search attributes of contract/search-attributes.ts. May be run again.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 720h
known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE")
for name in AltaState AltaStep AltaAccountId AltaCluster; do
  case "$known" in
    *"$name"*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type Keyword ;;
  esac
done
