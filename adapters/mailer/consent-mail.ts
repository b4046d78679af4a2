/** What the owner reads whose Mercado Pago consent has ended, in the language of the country. */
const TEXTS = {
  es: {
    subject: 'Volvé a conectar Mercado Pago con tu tienda {name}',
    text: 'Hola:\n\nLa conexión de tu tienda {name} con Mercado Pago terminó. Para seguir cobrando, autorizala de nuevo aquí:\n\n{link}\n',
  },
  pt: {
    subject: 'Conecte o Mercado Pago de novo à sua loja {name}',
    text: 'Olá!\n\nA conexão da sua loja {name} com o Mercado Pago terminou. Para continuar recebendo, autorize de novo aqui:\n\n{link}\n',
  },
  en: {
    subject: 'Connect Mercado Pago to your store {name} again',
    text: 'Hello,\n\nThe connection of your store {name} with Mercado Pago has ended. To go on selling, agree again here:\n\n{link}\n',
  },
} as const;

/** The mail with a fresh link to agree on. */
export function consentMail(facts: { locale: string; name: string; link: string }): { subject: string; text: string } {
  const language = facts.locale.slice(0, 2);
  const { subject, text } = TEXTS[language === 'es' || language === 'pt' ? language : 'en'];
  const fill = (template: string): string => template.replace(/\{(name|link)\}/g, (_, key: 'name' | 'link') => facts[key]);
  return { subject: fill(subject).replace(/[\r\n]+/g, ' '), text: fill(text) };
}
