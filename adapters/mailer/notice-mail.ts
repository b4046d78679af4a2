import type { NoticeKind } from '../../contract/notices.ts';

type Language = 'es' | 'pt' | 'en';
type Text = readonly [subject: string, text: string];

/** What the owner of a store reads about what happened to it. */
const TEXTS: Record<Language, Record<NoticeKind, Text>> = {
  es: {
    paused: ['Tu tienda {name} está en pausa', 'Tu tienda {name} quedó en pausa: por ahora nadie puede verla. Tus datos siguen guardados.'],
    cancelled: ['Cancelamos tu tienda {name}', 'Tu tienda {name} fue cancelada y ya no se ve. Tus datos siguen guardados.'],
    opened: ['Tu tienda {name} está abierta', 'Tu tienda {name} está en línea otra vez: {store}'],
    plan_changed: ['Cambió el plan de tu tienda {name}', 'Tu tienda {name} tiene ahora el plan {plan}.'],
    deleted: ['Eliminamos tu tienda {name}', 'Tu tienda {name} fue eliminada.'],
    payment_due: ['Vence el pago de tu tienda {name}', 'Todavía no recibimos el pago de tu tienda {name}. Sin él, quedará en pausa.'],
  },
  pt: {
    paused: [
      'Sua loja {name} está pausada',
      'Sua loja {name} foi pausada: por enquanto ninguém pode vê-la. Seus dados continuam guardados.',
    ],
    cancelled: ['Sua loja {name} foi cancelada', 'Sua loja {name} foi cancelada e não está mais no ar. Seus dados continuam guardados.'],
    opened: ['Sua loja {name} está aberta', 'Sua loja {name} está no ar de novo: {store}'],
    plan_changed: ['O plano da sua loja {name} mudou', 'Sua loja {name} agora tem o plano {plan}.'],
    deleted: ['Sua loja {name} foi excluída', 'Sua loja {name} foi excluída.'],
    payment_due: ['Vence o pagamento da sua loja {name}', 'Ainda não recebemos o pagamento da sua loja {name}. Sem ele, ela será pausada.'],
  },
  en: {
    paused: ['Your store {name} is paused', 'Your store {name} is paused: nobody can see it for now. Your data is kept.'],
    cancelled: ['Your store {name} is cancelled', 'Your store {name} was cancelled and is offline. Your data is kept.'],
    opened: ['Your store {name} is open', 'Your store {name} is online again: {store}'],
    plan_changed: ['The plan of your store {name} has changed', 'Your store {name} now has the plan {plan}.'],
    deleted: ['Your store {name} was deleted', 'Your store {name} was deleted.'],
    payment_due: [
      'Payment is due for your store {name}',
      'We have not received the payment for your store {name} yet. Without it the store will be paused.',
    ],
  },
};
const HELLO: Record<Language, string> = { es: 'Hola:', pt: 'Olá!', en: 'Hello,' };

/** The mail about one event, in the language of the country. */
export function noticeMail(
  kind: NoticeKind,
  facts: { locale: string; name: string; store: string; plan: string },
): { subject: string; text: string } {
  const short = facts.locale.slice(0, 2);
  const language: Language = short === 'es' || short === 'pt' ? short : 'en';
  const fill = (template: string): string => template.replace(/\{(name|store|plan)\}/g, (_, key: 'name' | 'store' | 'plan') => facts[key]);
  const [subject, text] = TEXTS[language][kind];
  return { subject: fill(subject).replace(/[\r\n]+/g, ' '), text: `${HELLO[language]}\n\n${fill(text)}\n` };
}
