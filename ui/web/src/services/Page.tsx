import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { X } from "lucide-react";
import { operationsQuery, servicesQuery } from "../api/queries";
import { useTimeRange } from "../app/context";
import { narrowed } from "../home/model";
import { NoServices } from "../home/NoServices";
import { ServicesTable } from "../home/ServicesTable";
import { IconButton } from "../kit/Button";
import { Empty } from "../kit/Empty";
import { quoted } from "../kit/filterterms";
import { plural } from "../kit/format";
import { PageFrame } from "../kit/PageFrame";
import { Panel, panelState } from "../kit/Panel";
import { QueryBar } from "../kit/QueryBar";
import { useFilter } from "../kit/useFilter";
import { ServiceTick } from "../kit/Values";
import { OperationsTable } from "./OperationsTable";
import styles from "./Page.module.css";

/** All services, and the operations of the one that is chosen. */
export function Page() {
  const { from, to } = useTimeRange();
  const q = useFilter("spans");
  const { by = "name", dir = "asc", service } = useSearch({ from: "/services" });
  const navigate = useNavigate({ from: "/services" });
  const services = useQuery(servicesQuery({ from, to, q }));
  const { data } = services;
  const none = data?.services.length === 0;
  return (
    <PageFrame title="Services" bare>
      <QueryBar table="spans" />
      {service !== undefined && (
        <Operations
          key={service}
          service={service}
          onClose={() => navigate({ search: (old) => ({ ...old, service: undefined }) })}
        />
      )}
      <Panel
        title={data && !none ? plural(data.services.length, "service") : "Services"}
        receipt={data?.receipt}
        empty={none && <NoServices filtered={q !== undefined} />}
        flush
        {...panelState(services)}
      >
        {data && (
          <ServicesTable
            services={data.services}
            q={q}
            by={by}
            direction={dir}
            onSort={(column, direction) =>
              navigate({
                search: (old) => ({ ...old, by: column, dir: direction }),
                replace: true,
                resetScroll: false,
              })
            }
          />
        )}
      </Panel>
    </PageFrame>
  );
}

function Operations({ service, onClose }: { service: string; onClose(): void }) {
  const { from, to } = useTimeRange();
  const q = useFilter("spans");
  const operations = useQuery(operationsQuery({ from, to, q, service }));
  const { data } = operations;
  const own = `service:${quoted(service)}`;
  return (
    <Panel
      title={
        <span className={styles.title}>
          <ServiceTick name={service} />
          {data && <small>{plural(data.operations.length, "operation")}</small>}
        </span>
      }
      actions={
        <>
          <Link to="/traces" search={{ q: narrowed(q, own) }}>
            Traces
          </Link>
          <Link to="/logs" search={{ q: own }}>
            Logs
          </Link>
          <Link to="/metrics" search={{ q: own }}>
            Metrics
          </Link>
          <IconButton
            label="Close"
            className={styles.close}
            icon={<X size={16} aria-hidden />}
            onClick={onClose}
          />
        </>
      }
      receipt={data?.receipt}
      empty={
        data?.operations.length === 0 && (
          <Empty title="No operations of this service in this range" />
        )
      }
      flush
      {...panelState(operations)}
    >
      {data && <OperationsTable operations={data.operations} q={q} />}
    </Panel>
  );
}
