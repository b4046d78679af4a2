/** What the owner of a new store reads, in the language of the country. */
const TEXTS = {
  es: {
    subject: 'Tu tienda {name} está lista',
    text: 'Hola:\n\nTu tienda {name} ya está en línea en {store}\n\nElegí tu contraseña aquí: {link}\n\nEl enlace vence en 24 horas.\n',
  },
  pt: {
    subject: 'Sua loja {name} está pronta',
    text: 'Olá!\n\nSua loja {name} já está no ar em {store}\n\nEscolha a sua senha aqui: {link}\n\nO link vence em 24 horas.\n',
  },
  en: {
    subject: 'Your store {name} is ready',
    text: 'Hello,\n\nYour store {name} is online at {store}\n\nChoose your password here: {link}\n\nThe link expires in 24 hours.\n',
  },
} as const;

/** The set-your-password mail of an owner (P-135). The link is a secret: it goes into the mail and nowhere else. */
export function storeReadyMail(facts: { locale: string; name: string; store: string; link: string }): { subject: string; text: string } {
  const language = facts.locale.slice(0, 2);
  const { subject, text } = TEXTS[language === 'es' || language === 'pt' ? language : 'en'];
  const fill = (template: string): string => template.replace(/\{(name|store|link)\}/g, (_, key: 'name' | 'store' | 'link') => facts[key]);
  return { subject: fill(subject).replace(/[\r\n]+/g, ' '), text: fill(text) };
}
