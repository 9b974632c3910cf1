#!/usr/bin/env bash
# What only a Kubernetes API server can say of the chart, asked of the one that kubectl reaches:
#
#   1. every manifest is taken by the server (dry-run=server) in a namespace with the restricted Pod Security Standard, without
#      a warning;
#   2. helm installs, upgrades and rolls back (--no-hooks: no servers are needed, and no pod need become ready);
#   3. the service accounts may do nothing that not everybody may.
#
# Usage:  deploy/check-on-a-cluster.sh [values.yaml ...]      by default, each of deploy/helm/values/*.yaml in turn
# Needs:  helm, kubectl, and the right to make a namespace. What is of a kind that the cluster does not have (KEDA,
#         Gateway API, Prometheus operator) is left out, and named.
#
# It works in a namespace of its own, storyloom-check-<number>, and deletes it at the end. Nothing else is touched.
# Exit code 0: all is well. 1: something is not; each on a line of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

chart=deploy/helm/storyloom
namespace=storyloom-check-$RANDOM
scratch=$(mktemp -d)
failures=0

fail() {
  echo "FAILED  $*" >&2
  failures=$((failures + 1))
}

clean_up() {
  kubectl delete namespace "$namespace" --ignore-not-found --wait=false > "$scratch/deleted" 2>&1 || cat "$scratch/deleted" >&2
  rm -rf "$scratch"
}

# Without the documents whose kind the server does not know: `kubectl` refuses a whole file for one of them.
known_kinds() { # manifests on stdin
  awk -v known="$scratch/kinds" '
    BEGIN { while ((getline line < known) > 0) kinds[line] = 1; RS = "\n---\n" }
    {
      kind = ""; count = split($0, lines, "\n")
      for (i = 1; i <= count; i++) if (lines[i] ~ /^kind: /) { kind = substr(lines[i], 7); break }
      if (kind == "") next
      if (kind in kinds) print "---\n" $0
      else print "left out: the cluster has no " kind > "/dev/stderr"
    }'
}

check_values() { # value files
  local arguments=()
  for file in "$@"; do arguments+=(--values "$file"); done
  echo "== $*"
  # Custom resources are left out below, and their controllers would not find what they look for here.
  helm template check "$chart" --namespace "$namespace" --no-hooks "${arguments[@]}" > "$scratch/rendered.yaml"
  known_kinds < "$scratch/rendered.yaml" > "$scratch/known.yaml"
  if ! kubectl apply --namespace "$namespace" --dry-run=server --filename "$scratch/known.yaml" \
      > "$scratch/applied" 2> "$scratch/said"; then
    fail "$*: the server refuses: $(cat "$scratch/said")"
  elif grep -q '^Warning' "$scratch/said"; then
    fail "$*: the server warns: $(grep '^Warning' "$scratch/said")"
  else
    echo "ok      $(wc -l < "$scratch/applied") manifests are taken, without a warning"
  fi
}

check_release() { # value files
  local arguments=(--namespace "$namespace" --no-hooks)
  for file in "$@"; do arguments+=(--values "$file"); done
  # Kinds that the cluster may lack are turned off, or the installation would fail for them alone.
  arguments+=(--set expose.kind=none --set autoscaling.keda=false --set monitoring.podMonitor=false \
    --set monitoring.rules=false)
  helm install check "$chart" "${arguments[@]}" > "$scratch/installed" || { fail "$*: helm install"; return; }
  helm upgrade check "$chart" "${arguments[@]}" --set jobTimeout=1300 > "$scratch/upgraded" || fail "$*: helm upgrade"
  helm rollback check 1 --namespace "$namespace" --no-hooks > "$scratch/rolled" || fail "$*: helm rollback"
  echo "ok      installed, upgraded, rolled back"
  check_accounts
  helm uninstall check --namespace "$namespace" --no-hooks > "$scratch/uninstalled" || fail "$*: helm uninstall"
  left=$(kubectl get all --namespace "$namespace" --selector app.kubernetes.io/instance=check --output name | grep -v '^pod/' || true)
  [ -z "$left" ] || fail "$*: left after helm uninstall: $left"
}

check_accounts() {
  local anybody mine account
  # What everybody in the namespace may: an account that nobody has given anything.
  kubectl auth can-i --list --namespace "$namespace" --as "system:serviceaccount:$namespace:nobody" | sort > "$scratch/anybody"
  anybody=$scratch/anybody
  for account in $(kubectl get serviceaccounts --namespace "$namespace" --selector app.kubernetes.io/instance=check \
      --output jsonpath='{.items[*].metadata.name}'); do
    mine=$scratch/$account
    kubectl auth can-i --list --namespace "$namespace" --as "system:serviceaccount:$namespace:$account" | sort > "$mine"
    if diff "$anybody" "$mine" > "$scratch/more"; then echo "ok      $account may do nothing of its own"
    else fail "$account may do more than anybody: $(cat "$scratch/more")"; fi
  done
}

for program in helm kubectl awk; do
  command -v "$program" > "$scratch/found" || { echo "$program is missing" >&2; rm -rf "$scratch"; exit 1; }
done
trap clean_up EXIT
kubectl version --output yaml | grep -A12 '^serverVersion' | grep gitVersion
kubectl api-resources --no-headers | awk '{ print $NF }' | sort -u > "$scratch/kinds"
kubectl create namespace "$namespace" > "$scratch/made"
kubectl label namespace "$namespace" pod-security.kubernetes.io/enforce=restricted \
  pod-security.kubernetes.io/warn=restricted > "$scratch/labelled"

if [ $# -gt 0 ]; then
  check_values "$@"
  check_release "$@"
else
  for values in deploy/helm/values/*.yaml; do
    check_values "$values"
    check_release "$values"
  done
fi

if [ "$failures" -gt 0 ]; then
  echo "$failures checks failed" >&2
  exit 1
fi
echo "All is well."
